import type { Config } from '../config/config.ts'
import type { AgentState } from '../courier/state.ts'
import type { Engine } from '../deployer/engine.ts'
import { withNames } from '../deployer/find-target.ts'
import { localHostname } from '../host/host-facts.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { refusedKind } from '../outbox/refused-kind.ts'
import type { StatusDocument } from '../status/status-document.ts'
import { targetStatuses } from '../status/target-status.ts'
import { version } from '../version.ts'

/** What a status is put together from. */
export interface StatusParts {
  readonly config: Config
  readonly engine: Engine
  /** Null: an agent holds it. */
  readonly spool: { readonly inbox: Inbox; readonly outbox: Outbox } | null
  /** Null: no agent runs. */
  readonly state: AgentState | null
  /** What is the matter with the configuration on disk. */
  readonly reload: ReloadProblems
}

/** How the configuration on disk differs from the one in use, a sentence each. */
export interface ReloadProblems {
  /** It is not valid; null: it is. */
  readonly invalid: string | null
  /** Changes that wait for the next start. */
  readonly waiting: readonly string[]
}

/** The status document of now. */
export async function readStatus(parts: StatusParts): Promise<StatusDocument> {
  const { config, engine, spool, state, reload } = parts
  const now = engine.clock.now()
  const records = (await engine.records.list()).map(({ document }) => document)
  const absent = spool === null ? 'An agent runs, but its endpoint does not answer.' : 'No agent runs.'
  const notReady =
    state === null
      ? [`${absent} This is read from ${config.stateDir}.`]
      : reasonsNotReady(state, reload.invalid, config.controlPlane !== null)
  return {
    v: 1,
    version,
    hostname: localHostname(),
    at: new Date(now).toISOString(),
    phase: state?.phase ?? (spool === null ? 'unknown' : 'down'),
    retired: state?.retired ?? false,
    ready: notReady.length === 0,
    notReady,
    controlPlane: {
      url: config.controlPlane === null ? null : new URL(config.controlPlane.url).origin,
      lastPoll: state?.lastPoll ?? null,
      lastHeartbeat: state?.lastHeartbeat ?? null,
      error: state?.controlPlaneError ?? null,
    },
    currentJobs: state?.currentJobs ?? [],
    inbox: spool === null ? null : (await spool.inbox.pending()).length,
    outbox: spool === null ? null : await spool.outbox.depth(),
    deadLetters: await deadLetters(spool),
    targets: targetStatuses(records, await engine.history.lastPerTarget(), state?.drift ?? [], now),
    recovered: (await withNames(state?.recovered ?? [], engine)).map(({ target, label, did, error }) => ({
      target,
      name: label,
      did,
      code: error?.code ?? null,
    })),
    setAside: [...engine.journal.setAside, ...engine.records.setAside, ...(spool?.inbox.setAside ?? [])],
    warnings: [
      ...listed(reload.invalid),
      ...reload.waiting,
      ...warningsOf(config),
      ...ownTargetsOf(engine),
      ...(await heldReports(spool)),
    ],
  }
}

function ownTargetsOf({ ownTargets: { broken } }: Engine): readonly string[] {
  return broken.map(({ file, reason }) => `${file}: ${reason}. Jobs for this target are refused until it is mended.`)
}

async function heldReports(spool: StatusParts['spool']): Promise<readonly string[]> {
  const held = spool === null ? [] : await spool.outbox.held()
  return held.map(() => refusedKind)
}

async function deadLetters(spool: StatusParts['spool']): Promise<StatusDocument['deadLetters']> {
  const letters = spool === null ? [] : await spool.outbox.deadLetters()
  return letters.map(({ report, refusal }) => ({ job: report.jobId, refusal }))
}

function reasonsNotReady(state: AgentState, invalid: string | null, hasControlPlane: boolean): readonly string[] {
  return [
    ...listed(invalid),
    ...(state.phase === 'recovering' ? ['The recovery of interrupted deployments is under way.'] : []),
    ...(state.phase === 'draining' || state.phase === 'stopped' ? ['The agent is about to end.'] : []),
    ...(hasControlPlane && state.lastPoll === null ? ['The control plane has not answered a poll yet.'] : []),
  ]
}

function warningsOf({ driftWatch }: Config): readonly string[] {
  return driftWatch === null
    ? ['drift_watch is off: what others change on disk or on a port is not seen between deployments.']
    : []
}

function listed(sentence: string | null): readonly string[] {
  return sentence === null ? [] : [sentence]
}
