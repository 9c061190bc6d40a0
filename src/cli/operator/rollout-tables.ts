import type { ToldRollout, ToldRolloutTarget } from '../../server/client/rollout-client.ts'
import { table } from '../print/table.ts'

const seconds = 19

/** A roll-out in a list. */
export function rolloutRow(told: ToldRollout): readonly string[] {
  const { waves, created_at, created_by } = told
  const sum = (state: 'waiting' | 'open' | 'proven' | 'failed'): number =>
    waves.reduce((all, wave) => all + wave[state], 0)
  return [
    told.name,
    told.action,
    told.state,
    `${told.wave} of ${waves.length}`,
    String(sum('proven')),
    String(sum('failed')),
    String(sum('waiting') + sum('open')),
    created_at.slice(0, seconds),
    created_by.replace(/^operator:/, ''),
  ]
}

/** Where one roll-out stands, with targets of it that failed. */
export function rolloutLines(told: ToldRollout, failed: readonly ToldRolloutTarget[]): readonly string[] {
  return [
    `${told.name}: ${told.action}, ${told.state}${told.reason === null ? '' : `: ${told.reason}`}`,
    ...ruleLines(told),
    '',
    ...table(
      ['WAVE', 'HOSTS', 'TARGETS WAITING', 'OPEN', 'PROVEN', 'FAILED', 'SKIPPED'],
      told.waves.map(({ wave, hosts, waiting, open, proven, failed: fell, skipped }) =>
        [wave, hosts, waiting, open, proven, fell, skipped].map(String),
      ),
    ),
    ...(failed.length === 0 ? [] : ['', ...targetLines(failed)]),
    ...nextLines(told),
  ]
}

/** Targets of a roll-out. */
export function targetLines(rows: readonly ToldRolloutTarget[]): readonly string[] {
  return table(
    ['AGENT', 'TARGET', 'WAVE', 'STATE', 'JOB', 'TAKE-BACK', 'NOTE'],
    rows.map((row) => [
      row.agent_name,
      row.target_name,
      String(row.wave),
      row.state,
      row.job_id ?? row.renewal_job_id ?? '-',
      row.take_back_status ?? row.take_back_note ?? '-',
      noteOf(row),
    ]),
  )
}

function noteOf({ error, is_outside_window }: ToldRolloutTarget): string {
  const hurry = is_outside_window ? ['done outside of the window: the end of its certificate is near'] : []
  const notes = [...(error === null ? [] : [error]), ...hurry]
  return notes.length === 0 ? '-' : notes.join('; ')
}

function ruleLines({ stop_after, stop_share, window, deadline_s, wave, waves }: ToldRollout): readonly string[] {
  const stops = [
    ...(stop_after === null ? [] : [`at ${stop_after} failed ${stop_after === 1 ? 'host' : 'hosts'}`]),
    ...(stop_share === null ? [] : [`at ${stop_share} per cent of a wave`]),
  ]
  return [
    `Wave ${wave} of ${waves.length}. It stops ${stops.join(' or ')}. A host is silent after ${deadline_s / 60} minutes.`,
    ...(window === null ? [] : [windowLine(window)]),
  ]
}

function windowLine({ start, for_s, time_zone, is_open, from, until }: NonNullable<ToldRollout['window']>): string {
  const when = is_open ? `open until ${until ?? '-'}` : `closed; opens ${from ?? '-'}`
  return `Window "${start}" (${time_zone}) for ${for_s / 60} minutes: ${when}.`
}

function nextLines({ state, name }: ToldRollout): readonly string[] {
  if (state === 'stopped')
    return [
      '',
      `Go on: waxseal control-plane rollout resume ${name} (--retry: with those that failed); or rollout take-back, or rollout abandon.`,
    ]
  return state === 'running' ? [] : ['', `All of it: waxseal control-plane rollout targets ${name}`]
}
