import type { MatterKind } from '../../../notice/matter.ts'
import type { EndCounts, HostState } from '../../store/fleet-store.ts'
import type { RolloutRow, RolloutState } from '../../store/rollout-rows.ts'
import type { JobStatus } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'
import { hostTimes } from './host-times.ts'

const dayMs = 86_400_000
const mostCodes = 12
const mostLive = 10
/** Who looks again and again asks the database no more often. */
const goodForMs = 5000

/** The database, and who was heard lately. */
type ReadFrom = Pick<Parts, 'store'> & { readonly presence: Pick<Parts['presence'], 'since'> }

/** How the fleet is: counts alone. */
export interface Overview {
  readonly at: number
  /** From then on it is known who is silent: the control plane was away; null: it is known now. */
  readonly silentKnownAt: number | null
  readonly hosts: Readonly<Partial<Record<HostState, number>>>
  /** Agents that two hosts say to be. */
  readonly twins: number
  /** Agents that are asked first what they have, after a restore. */
  readonly held: number
  readonly certificates: EndCounts
  /** Of the last day. */
  readonly failures: {
    readonly count: number
    /** Most frequent first; '': no code. */
    readonly codes: readonly { readonly code: string; readonly count: number }[]
  }
  readonly drifting: number
  /** Names of TLSA records that something is wrong with, the targets that have them, and jobs that wait for such records. */
  readonly dane: { readonly problems: number; readonly targets: number; readonly jobs: number }
  /** What wants a person, by kind; muted matters, too. */
  readonly matters: readonly { readonly kind: MatterKind; readonly count: number }[]
  readonly rollouts: {
    readonly states: readonly { readonly state: RolloutState; readonly count: number }[]
    /** Some of those that are not over. */
    readonly live: readonly RolloutRow[]
  }
  readonly open: readonly { readonly status: JobStatus; readonly count: number }[]
}

/** Reads it, for all who look in the same seconds once. */
export function overviewReader(parts: ReadFrom): () => Promise<Overview> {
  let askedAt = Number.NEGATIVE_INFINITY
  let answer: Promise<Overview> | null = null
  return () => {
    if (answer === null || performance.now() - askedAt >= goodForMs) {
      askedAt = performance.now()
      const read = readOverview(parts)
      // What failed is asked again by the next one.
      read.catch(() => {
        if (answer === read) answer = null
      })
      answer = read
    }
    return answer
  }
}

async function readOverview({ store, presence }: ReadFrom): Promise<Overview> {
  const at = await store.now()
  const times = hostTimes(presence, at)
  const { states, twins } = await store.fleet.countHosts(times)
  await breath()
  const certificates = await store.fleet.countEnds(at)
  await breath()
  const [count, codes] = [
    await store.fleet.countFailures(at - dayMs),
    await store.fleet.countCodes(at - dayMs, mostCodes),
  ]
  return {
    at,
    silentKnownAt: times.silentKnownAt,
    hosts: states,
    twins,
    held: await store.holds.count(),
    certificates,
    failures: { count, codes },
    drifting: await store.fleet.countDrift(),
    dane: await store.rollovers.countWaiting(at),
    matters: await store.matters.countOpen(),
    rollouts: { states: await store.rollouts.countByState(), live: await liveOf(store) },
    open: await store.jobs.countOpen(),
  }
}

async function liveOf({ rollouts }: Store): Promise<readonly RolloutRow[]> {
  const ids = (await rollouts.live()).slice(0, mostLive)
  return (await Promise.all(ids.map((id) => rollouts.named(id)))).filter((row) => row !== null)
}

/** Each of these keeps SQLite for some milliseconds: what has arrived in the meantime is served between two. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
