import type { Job } from '../documents/job.ts'
import { limits } from '../limit/limits.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { type HeardWaiting, readWaiting } from './heard.ts'
import { type Send, unusable } from './request.ts'
import { beyond, type MalformedItem, toJob } from './to-job.ts'
import { workSchema } from './wire.ts'

/** That a call for work is to wait for it. */
export interface WorkWait {
  readonly seconds: number
  /** Ends it at once. */
  readonly signal: AbortSignal
}

/** What a call for work brings. */
export interface Work extends HeardWaiting {
  readonly jobs: readonly Job[]
  readonly malformed: readonly MalformedItem[]
  /** The server asks for this pause before the next call, in milliseconds; null: it does not. */
  readonly retryAfterMs: number | null
}

/** The call for work. */
export interface WorkCall {
  /** The call is the claim: what it returns is not offered again. With `wait` a server that knows it answers once there is work. */
  work(wait?: WorkWait): Promise<Work>
}

const isWork = schemaCheck<{ readonly jobs: readonly unknown[] | null }>(workSchema)

/** What a call that waits may take beyond its wait, in milliseconds: the spread of the server, and its answer. */
const longestAnswerMs = 20_000

/** `agent` is the path of the agent's own calls. */
export function workCall(send: Send, agent: string): WorkCall {
  return {
    work: async (wait) => {
      let retryAfterMs: number | null = null
      const answer = await send({
        ...(wait === undefined ? {} : { signal: wait.signal, timeoutMs: wait.seconds * 1000 + longestAnswerMs }),
        method: 'GET',
        path: `${agent}/work${wait === undefined ? '' : `?wait=${wait.seconds}`}`,
        onRetryAfter: (ms) => {
          retryAfterMs = ms
        },
      })
      if (!isWork(answer)) throw unusable('the work answer has no list of jobs')
      const items = (answer.jobs ?? []).map((item, index) =>
        index < limits.jobsPerPoll.most ? toJob(item) : beyond(item),
      )
      return {
        jobs: items.filter((item) => 'kind' in item),
        malformed: items.filter((item): item is MalformedItem => !('kind' in item)),
        retryAfterMs,
        ...(wait === undefined ? { cancel: null, pollIntervalMs: null, splayMs: null } : readWaiting(answer)),
      }
    },
  }
}
