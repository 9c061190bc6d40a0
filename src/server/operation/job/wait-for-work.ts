import type { AgentRow } from '../../store/rows.ts'
import type { Parts } from '../parts.ts'
import { claimWork, lookForWork, type Work } from './claim-work.ts'

/** Longest time that a call waits, and by how much it is spread: proxies cut at 50 s, and a fleet that came at once goes apart. */
const longestMs = 35_000
const spreadMs = 5000

/** An agent that waits for its work. */
export interface Waiting {
  readonly agent: AgentRow
  /** As it asked for, in milliseconds; 0: it does not wait. */
  readonly waitMs: number
  /** The agent, if its credential is still good: fails as its next call would. */
  readonly again: () => Promise<AgentRow>
  /** The connection is gone: what would be claimed would be lost. */
  readonly gone: AbortSignal
}

/** What there is for an agent that asked to wait. */
export interface Waited extends Work {
  /** Too many wait: this one did not. */
  readonly isFull: boolean
}

const nothing: Waited = { jobs: [], cancel: [], isFull: false }

/**
 * What an agent is to do, as soon as there is something, or when the time is over. CSRs and cancellations are told each time until they
 * are done: those that the agent was told the last time end no wait.
 */
export async function waitForWork(
  parts: Pick<Parts, 'store' | 'bell'>,
  { agent, waitMs, again, gone }: Waiting,
): Promise<Waited> {
  if (waitMs === 0) return { ...nothing, jobs: await claimWork(parts, agent) }
  const turn = parts.bell.enter(agent.id)
  if (turn === null) return { ...(await lookForWork(parts, agent)), isFull: true }
  const leave = (): void => turn.leave()
  gone.addEventListener('abort', leave)
  const until = performance.now() + Math.min(waitMs, longestMs) + Math.random() * Math.min(waitMs / 7, spreadMs)
  try {
    if (gone.aborted) return nothing
    for (let who = agent; ; who = await again()) {
      const work = await lookForWork(parts, who)
      const left = until - performance.now()
      if (left <= 0 || isNews(parts, agent.id, work)) return toldNow(parts, agent.id, work)
      const isRung = await turn.rest(left)
      if (turn.isOver) return nothing
      // The next call looks: asking twice a wait is what a fleet that waits costs most.
      if (!isRung && work.jobs.length + work.cancel.length === 0) return toldNow(parts, agent.id, work)
    }
  } finally {
    gone.removeEventListener('abort', leave)
    turn.leave()
  }
}

/** Wakes those for whom something became due, or of whom nobody was told. */
export async function ringDue({ store, bell }: Pick<Parts, 'store' | 'bell'>): Promise<void> {
  const waiting = bell.agents
  if (waiting.size === 0) return
  for (const id of await store.jobs.agentsWithWork(await store.now(), waiting)) bell.ring(id)
}

function isNews({ bell }: Pick<Parts, 'bell'>, agentId: string, { jobs, cancel }: Work): boolean {
  const told = bell.toldTo(agentId)
  return jobs.some(({ job }) => job.status !== 'AwaitingCSR' || !told.has(job.id)) || cancel.some((id) => !told.has(id))
}

function toldNow({ bell }: Pick<Parts, 'bell'>, agentId: string, work: Work): Waited {
  const csrs = work.jobs.filter(({ job }) => job.status === 'AwaitingCSR').map(({ job }) => job.id)
  bell.tell(agentId, new Set([...csrs, ...work.cancel]))
  return { ...work, isFull: false }
}
