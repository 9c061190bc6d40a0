import { type Job, jobSchemaOf } from '../documents/job.ts'
import type { Clock } from '../host/clock.ts'
import { openDocumentFolder } from '../host/file/folder/document-folder.ts'
import { limits } from '../limit/limits.ts'

/** A job that is written down. */
export interface ClaimedJob {
  readonly job: Job
  /** How often it was begun. */
  readonly tries: number
  /** Milliseconds since 1970; null: not finished. Kept for a while, so that a second arrival is known. */
  readonly finishedAt: number | null
}

/** The jobs that this agent has claimed: durable before anything is done about them. */
export interface Inbox {
  /** A second arrival of the same id is the same job. */
  accept(job: Job): Promise<'new' | 'known'>
  /** Oldest first. */
  pending(): Promise<readonly ClaimedJob[]>
  /** Counts a try, durably, before it begins. */
  begin(jobId: string): Promise<void>
  /** Takes the count back, where the job was put off before anything was touched. */
  putBack(jobId: string): Promise<void>
  finish(jobId: string): Promise<void>
  readonly setAside: readonly string[]
}

const rememberedMs = 30 * 86_400_000

/** Opens the inbox below the state directory. */
export async function openInbox(path: string, clock: Clock): Promise<Inbox> {
  const folder = await openDocumentFolder<ClaimedJob>({ path, schema: claimedJobSchema })
  /** All that is written down, without what was finished long ago; what cannot be removed is left for the next time. */
  const listed = async (): Promise<readonly ClaimedJob[]> => {
    const all = await folder.list()
    const isOld = ({ finishedAt }: ClaimedJob): boolean =>
      finishedAt !== null && clock.now() - finishedAt > rememberedMs
    const finished = all.filter(({ document }) => document.finishedAt !== null)
    const beyond = new Set(finished.slice(0, -limits.jobsRemembered.most))
    for (const one of all) if (isOld(one.document) || beyond.has(one)) await folder.remove(one.id).catch(() => {})
    return all.map(({ document }) => document)
  }
  await listed()
  return {
    setAside: folder.setAside,
    accept: async (job) => {
      if ((await folder.get(job.id)) !== null) return 'known'
      await folder.put(job.id, { job, tries: 0, finishedAt: null })
      return 'new'
    },
    pending: async () => (await listed()).filter(({ finishedAt }) => finishedAt === null),
    begin: async (jobId) => {
      const claimed = await folder.get(jobId)
      if (claimed !== null) await folder.put(jobId, { ...claimed, tries: claimed.tries + 1 })
    },
    putBack: async (jobId) => {
      const claimed = await folder.get(jobId)
      if (claimed !== null) await folder.put(jobId, { ...claimed, tries: Math.max(0, claimed.tries - 1) })
    },
    /** An issuance comes again under the same id until the server has signed it, so it is not remembered. */
    finish: async (jobId) => {
      const claimed = await folder.get(jobId)
      if (claimed?.job.kind === 'issuance') await folder.remove(jobId)
      else if (claimed !== null) await folder.put(jobId, { ...claimed, finishedAt: clock.now() })
    },
  }
}

/** JSON schema of a claimed job. */
export const claimedJobSchema = {
  type: 'object',
  required: ['job', 'tries', 'finishedAt'],
  properties: {
    tries: { type: 'integer', minimum: 0 },
    finishedAt: { type: ['number', 'null'] },
    job: jobSchemaOf(false),
  },
} as const
