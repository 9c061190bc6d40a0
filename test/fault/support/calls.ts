import type { WorkItem } from '../../../src/control-plane/wire.ts'
import type { Fault } from './bad-line.ts'
import type { FakedSite } from './faked-site.ts'

/** The calls of the protocol, and what the agent warns of when one of them fails. */
export const calls = {
  work: { matches: ({ path }) => path.endsWith('/work'), warnings: ['poll failed'] },
  certificates: { matches: ({ path }) => path.includes('/certificates/'), warnings: ['job put off', 'poll failed'] },
  csr: { matches: ({ path }) => path.endsWith('/csr'), warnings: ['job put off', 'poll failed'] },
  'status Running': { matches: ({ body }) => body.includes('"status":"Running"'), warnings: [] },
  'status final': { matches: ({ body }) => body.includes('"status":"Completed"'), warnings: [] },
  verify: { matches: ({ path }) => path.endsWith('/verify'), warnings: [] },
  heartbeat: { matches: ({ path }) => path.endsWith('/heartbeat'), warnings: ['heartbeat failed'] },
} as const satisfies Record<
  string,
  {
    readonly matches: (request: { readonly path: string; readonly body: string }) => boolean
    readonly warnings: readonly string[]
  }
>
/** The name of one. */
export type Call = keyof typeof calls
/** All of them. */
export const callNames = Object.keys(calls) as Call[]

/** Changes the jobs of a work answer. */
export function rewriteJobs(change: (jobs: readonly WorkItem[]) => readonly WorkItem[]): Fault {
  return {
    rewrite: (body) => {
      const jobs = change((JSON.parse(body) as { readonly jobs: readonly WorkItem[] }).jobs)
      return JSON.stringify({ jobs, count: jobs.length })
    },
  }
}

/** Has the first such call go wrong; the returned function tells whether it has come. */
export function spoilOnce({ line }: FakedSite, call: Call, fault: Fault): () => boolean {
  let isSpoiled = false
  line.spoil((path, body) => {
    if (isSpoiled || !calls[call].matches({ path, body })) return null
    isSpoiled = true
    return fault
  })
  return () => isSpoiled
}
