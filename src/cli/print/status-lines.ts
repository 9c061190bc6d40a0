import { whoRenews } from '../../outcome/lifetime.ts'
import type { StatusDocument, TargetStatus } from '../../status/status-document.ts'
import { waitingWords } from '../../status/waiting-words.ts'
import { table } from './table.ts'
import { coloured, type Line, styled } from './terminal.ts'

const kinds = { failed: 'bad', drifting: 'bad', late: 'bad', due: 'warn', healthy: 'good' } as const

/** The status for a person: the agent in a few lines, the targets as a table, then what is not well. */
export function statusLines(status: StatusDocument): readonly Line[] {
  const { targets, warnings, recovered, setAside, deadLetters } = status
  return [
    ...agentLines(status),
    '',
    ...targetLines(targets),
    whoRenews,
    ...part(
      'Not well',
      targets.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`)),
    ),
    ...part('Warnings', warnings),
    ...part(
      'Recovered at the last start',
      recovered.map(({ name, did, code }) => `${name}: ${did}${code === null ? '' : ` (${code})`}`),
    ),
    ...part('Set aside, not to be trusted', setAside),
    ...part(
      'Dead letters',
      deadLetters.map(({ job, refusal }) => `${job}: ${refusal}`),
    ),
  ]
}

function agentLines({ phase, ready, notReady, controlPlane, ...rest }: StatusDocument): readonly Line[] {
  const word = ready ? coloured('good', 'ready') : coloured('warn', 'not ready')
  return [
    styled`Waxseal ${rest.version} on ${rest.hostname}: ${phase}, ${word}`,
    ...notReady.map((reason) => `  ${reason}`),
    controlPlaneLine(controlPlane),
    `Running ${rest.currentJobs.length === 0 ? 'nothing' : rest.currentJobs.join(', ')}; queue ${rest.inbox ?? '?'}, outbox ${rest.outbox ?? '?'}, dead letters ${rest.deadLetters.length}`,
    ...rest.waiting.map((job) => `  ${waitingWords(job)}`),
  ]
}

function controlPlaneLine({ url, lastPoll, error }: StatusDocument['controlPlane']): Line {
  const failure = error === null ? '' : styled`, ${coloured('bad', error)}`
  if (url === null) return styled`No control plane is configured: waxseal enroll${failure}`
  return styled`Control plane ${url}: last poll ${lastPoll ?? 'never'}${failure}`
}

function targetLines(targets: readonly TargetStatus[]): readonly Line[] {
  if (targets.length === 0) return ['Nothing was deployed on this host yet.']
  const rows = targets.map(({ name, connector, state, deployed, endpoints, lastJob }) => [
    name,
    connector,
    state,
    deployed === null ? '-' : String(deployed.daysLeft),
    `${endpoints.filter(({ ok }) => ok).length}/${endpoints.length}${deployed?.proven === false ? ' unproven' : ''}`,
    lastJob === null
      ? '-'
      : `${lastJob.outcome}${lastJob.code === null ? '' : ` ${lastJob.code}`}, ${lastJob.at.slice(0, 19)}`,
  ])
  const [head = '', ...lines] = table(['TARGET', 'DAEMON', 'STATE', 'DAYS LEFT', 'PORTS', 'LAST JOB (UTC)'], rows)
  return [
    coloured('strong', head),
    ...lines.map((line, index) => {
      const state = targets[index]?.state ?? 'healthy'
      const at = head.indexOf('STATE')
      return styled`${line.slice(0, at)}${coloured(kinds[state], state)}${line.slice(at + state.length)}`
    }),
  ]
}

function part(title: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : ['', `${title}:`, ...items.map((item) => `  ${item}`)]
}
