import type { Config } from '../../config/config.ts'
import type { CourierState } from '../../courier/state.ts'
import type { ShownHost } from '../../documents/shown-host.ts'
import { systemClock } from '../../host/clock.ts'
import { localHostname } from '../../host/host-facts.ts'
import { refusedKind } from '../../outbox/refused-kind.ts'
import type { StatusDocument } from '../../status/status-document.ts'
import { targetStatuses } from '../../status/target-status.ts'
import { version } from '../../version.ts'

/** What a status is put together from. */
export interface StatusParts {
  readonly config: Config
  /** What the deployer shows; null: nothing, or nothing that this user may see. */
  readonly shown: ShownHost | null
  /** Null: no courier answers. */
  readonly state: CourierState | null
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
export function statusDocument({ config, shown, state, reload }: StatusParts): StatusDocument {
  const now = systemClock.now()
  const notReady =
    state === null
      ? ['No agent answers. This is what was last written down.']
      : reasonsNotReady(state, reload.invalid, config.controlPlane !== null)
  return {
    v: 1,
    version,
    hostname: localHostname(),
    at: new Date(now).toISOString(),
    phase: state?.phase ?? 'down',
    retired: state?.retired ?? false,
    ready: notReady.length === 0,
    notReady,
    controlPlane: {
      url: config.controlPlane === null ? null : new URL(config.controlPlane.url).origin,
      lastPoll: state?.lastPoll ?? null,
      lastHeartbeat: state?.lastHeartbeat ?? null,
      error: state?.controlPlaneError ?? null,
    },
    currentJobs: shown?.currentJobs ?? [],
    inbox: shown?.inbox ?? null,
    waiting: shown?.waiting ?? [],
    outbox: shown?.outbox ?? null,
    deadLetters: shown?.deadLetters ?? [],
    targets: targetStatuses(shown?.records ?? [], lastOf(shown), shown?.looks ?? [], now),
    recovered: shown?.recovered ?? [],
    setAside: shown?.setAside ?? [],
    warnings: [
      ...listed(reload.invalid),
      ...reload.waiting,
      ...warningsOf(config),
      ...(shown?.brokenTargets ?? []),
      ...(shown?.held ?? []).map(() => refusedKind),
    ],
  }
}

function lastOf(shown: ShownHost | null): Parameters<typeof targetStatuses>[1] {
  return new Map(shown?.last.map((line) => [line.target, line]))
}

function reasonsNotReady(state: CourierState, invalid: string | null, hasControlPlane: boolean): readonly string[] {
  return [
    ...listed(invalid),
    ...listed(state.deployerError),
    ...(state.phase === 'running' ? [] : ['The agent is about to end.']),
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
