import { join } from 'node:path'
import { type JobReport, type Report, reportSchema } from '../documents/report.ts'
import type { Clock } from '../host/clock.ts'
import { tryLock } from '../host/file/file-lock.ts'
import { type DocumentFolder, openDocumentFolder } from '../host/file/folder/document-folder.ts'
import type { Outcome } from '../outcome/outcome.ts'
import type { Engine } from './engine.ts'
import { openTurns } from './turns.ts'
import { reportsOf } from './work/reports-of.ts'

/** A rollback by hand that the control plane waits for (protocol §4, `rollback`). */
export interface BegunRollback {
  readonly jobId: string
  readonly targetId: string
  /** SHA-256 of the leaf that it goes back to. */
  readonly leaf: string
  /** Null: it has begun, and has not said yet what became of it. */
  readonly reports: readonly JobReport[] | null
}

/** JSON schema of one. */
export const begunRollbackSchema = {
  type: 'object',
  required: ['jobId', 'targetId', 'leaf', 'reports'],
  properties: {
    jobId: { type: 'string', minLength: 1 },
    targetId: { type: 'string' },
    leaf: { type: 'string' },
    reports: { type: ['array', 'null'], items: reportSchema },
  },
} as const

/**
 * Goes back, with what the control plane is to hear of it durable: that it began before the first step, and what became of it after the
 * last. `tell` sends that at once; what it cannot send the deployer takes over (`takeRollbacks`). Returns whether it was sent.
 */
export async function beginRollback(
  stateDir: string,
  begun: Omit<BegunRollback, 'reports'>,
  clock: Clock,
  {
    work,
    tell,
  }: { readonly work: () => Promise<Outcome>; readonly tell: (reports: readonly JobReport[]) => Promise<void> },
): Promise<{ readonly outcome: Outcome; readonly isTold: boolean }> {
  const folder = await openFolder(stateDir)
  const put = (reports: BegunRollback['reports']): Promise<void> => folder.put(begun.jobId, { ...begun, reports })
  return openTurns(lockOf(stateDir), clock).take(async () => {
    await put(null)
    const end = async (reports: readonly JobReport[]): Promise<boolean> => {
      // Where that cannot be it is told all the same, and the record of the target has the last word.
      await put(reports).catch(() => {})
      return isSent(folder, begun.jobId, () => tell(reports))
    }
    const outcome = await work().catch(async (error: unknown) => {
      // Another process had its turn all the time: nothing was begun.
      await end([cancelled(begun.jobId)])
      throw error
    })
    return { outcome, isTold: await end(endOf(begun, outcome)) }
  })
}

/**
 * What rollbacks by hand have left to tell: `put` takes it durably. Of one whose command died, what the record of its target says; it waits
 * as long as its transaction is in the journal.
 */
export async function takeRollbacks(
  stateDir: string,
  { records, journal }: Pick<Engine, 'records' | 'journal'>,
  put: (report: Report) => Promise<void>,
): Promise<void> {
  const folder = await openFolder(stateDir)
  const begun = await folder.list()
  if (begun.length === 0) return
  const lock = tryLock(lockOf(stateDir))
  // A command is at it, and tells by itself.
  if (lock === null) return
  try {
    const entries = (await journal.list()).flatMap(({ document }) => document.deployments)
    for (const { id } of begun) {
      const document = await folder.get(id)
      if (document === null) continue
      const { targetId, reports } = document
      if (reports === null && entries.some(({ target }) => target === targetId)) continue
      for (const report of reports ?? [cutOff(document, (await records.get(targetId))?.certificate.sha256)])
        await put(report)
      await folder.remove(id)
    }
  } finally {
    lock.release()
  }
}

function endOf({ jobId: id, targetId }: Omit<BegunRollback, 'reports'>, outcome: Outcome): readonly JobReport[] {
  const end = reportsOf({ id, targetId }, outcome)
  return 'code' in end ? [cancelled(id)] : end.filter((report) => report.kind !== 'renewed')
}

async function isSent(folder: DocumentFolder<BegunRollback>, id: string, send: () => Promise<void>): Promise<boolean> {
  try {
    await send()
  } catch {
    return false
  }
  // What is left there is told twice rather than never.
  await folder.remove(id).catch(() => {})
  return true
}

/** Nothing was begun. */
export function cancelled(jobId: string): JobReport {
  return { kind: 'status', jobId, status: 'Cancelled' }
}

/** Without an outcome: what is served then, nobody has seen. */
function cutOff({ jobId, leaf }: BegunRollback, live: string | undefined): JobReport {
  if (live === leaf) return { kind: 'status', jobId, status: 'Completed' }
  const error = 'INTERRUPTED: waxseal rollback ended before it said what became of it; the older pair is not in place'
  return { kind: 'status', jobId, status: 'Failed', error }
}

function openFolder(stateDir: string): Promise<DocumentFolder<BegunRollback>> {
  return openDocumentFolder({ path: join(stateDir, 'rollbacks'), schema: begunRollbackSchema, isShared: true })
}

function lockOf(stateDir: string): string {
  return join(stateDir, 'rollback.lock')
}
