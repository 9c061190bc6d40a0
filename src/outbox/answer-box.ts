import { createHash } from 'node:crypto'
import type { Delivered, Undelivered } from '../documents/ask.ts'
import type { Report } from '../documents/report.ts'
import { withoutOutput } from '../documents/without-output.ts'
import type { Clock } from '../host/clock.ts'
import { openDocumentFolder } from '../host/file/folder/document-folder.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { deadSchema, waitingSchema } from './outbox-schema.ts'

/** Reports of a kind that the control plane takes from nobody like this agent. */
export interface HeldReports {
  readonly kind: Report['kind']
  readonly count: number
  readonly refusal: string
}

/** A report that the control plane refused. */
export interface DeadLetter {
  readonly report: Report
  readonly refusal: string
}

/** What there is to tell the control plane: durable until the courier says what became of it (law 8). */
export interface AnswerBox {
  /** A later report of the same kind about the same job takes the place of an earlier one: the final state wins. */
  put(report: Report): Promise<void>
  /** Oldest first, without what commands printed. */
  list(): Promise<readonly Undelivered[]>
  /** Writes down what became of reports. One that was replaced since stays. */
  deliver(delivered: readonly Delivered[]): Promise<void>
  /** How many reports wait, without those that are held. */
  depth(): Promise<number>
  /** Of kinds that are refused as a whole: a few are kept. */
  held(): Promise<readonly HeldReports[]>
  deadLetters(): Promise<readonly DeadLetter[]>
}

/** As an outbox has it on disk: the times of sending are for the version before this one, should it come back. */
interface Kept {
  readonly report: Report
  readonly attempts: number
  readonly nextAt: number
  /** Milliseconds since 1970; left out: by a version that did not say. */
  readonly since?: number
  readonly refusal?: string
}

const mostHeld = 100
const mostDead = 200

/** Opens the answers and the dead letters below the state directory, those of an older Waxseal with them. */
export async function openAnswerBox(options: {
  readonly path: string
  readonly deadPath: string
  readonly clock: Pick<Clock, 'now'>
}): Promise<AnswerBox> {
  const { path, deadPath, clock } = options
  const kept = await openDocumentFolder<Kept>({ path, schema: waitingSchema })
  const dead = await openDocumentFolder<DeadLetter>({ path: deadPath, schema: deadSchema })
  const inTurn = oneAtATime()
  const heldKinds = new Set(
    (await kept.list()).flatMap(({ document: { refusal, report } }) => (refusal === undefined ? [] : [report.kind])),
  )

  const deliverOne = async ({ id, digest, fate, refusal }: Delivered): Promise<void> => {
    const current = await kept.get(id)
    if (current === null || digestOf(withoutOutput(current.report)) !== digest) return
    if (fate === 'held') return hold(id, current, refusal ?? '')
    if (fate === 'taken') await release(current.report.kind)
    else await bury(id, current.report, refusal ?? '')
    await kept.remove(id)
  }

  /** The newest are kept: what the control plane takes one day should be of use. */
  const hold = async (id: string, { report, since = clock.now() }: Kept, refusal: string): Promise<void> => {
    heldKinds.add(report.kind)
    await kept.put(id, { report, attempts: 0, nextAt: since, since, refusal })
  }

  const dropHeld = async (kind: Report['kind']): Promise<void> => {
    const held = (await kept.list()).filter(
      ({ document }) => document.refusal !== undefined && document.report.kind === kind,
    )
    for (const { id } of held.slice(0, -mostHeld)) await kept.remove(id)
  }

  /** One of the kind was taken: it is refused as a whole no more. */
  const release = async (kind: Report['kind']): Promise<void> => {
    if (!heldKinds.has(kind)) return
    for (const { id, document } of await kept.list()) {
      const { refusal, ...free } = document
      if (refusal !== undefined && free.report.kind === kind) await kept.put(id, free)
    }
    heldKinds.delete(kind)
  }

  const bury = async (id: string, report: Report, refusal: string): Promise<void> => {
    await dead.put(id, { report, refusal })
  }

  const dropDead = async (): Promise<void> => {
    for (const { id: oldest } of (await dead.list()).slice(0, -mostDead)) await dead.remove(oldest)
  }

  return {
    put: (report) =>
      inTurn(async () => {
        const now = clock.now()
        await kept.put(idOf(report), { report: withoutOutput(report), attempts: 0, nextAt: now, since: now })
      }),
    list: async () =>
      (await kept.list()).map(({ id, document }) => {
        const report = withoutOutput(document.report)
        const { since = clock.now(), refusal = null } = document
        return { id, digest: digestOf(report), since, refusal, report }
      }),
    deliver: async (delivered) => {
      await inTurn(async () => {
        for (const one of delivered) await deliverOne(one)
        // Once for all of them: each reads what is there.
        const fates = delivered.map(({ fate }) => fate)
        if (fates.includes('held')) for (const kind of heldKinds) await dropHeld(kind)
        if (fates.includes('refused')) await dropDead()
      })
    },
    depth: async () => (await kept.list()).filter(({ document }) => document.refusal === undefined).length,
    held: async () => {
      const byKind = new Map<Report['kind'], HeldReports>()
      for (const { document } of await kept.list()) {
        const { report, refusal } = document
        if (refusal === undefined) continue
        byKind.set(report.kind, { kind: report.kind, refusal, count: (byKind.get(report.kind)?.count ?? 0) + 1 })
      }
      return [...byKind.values()]
    },
    deadLetters: async () => (await dead.list()).map(({ document }) => document),
  }
}

function idOf({ jobId, kind }: Report): string {
  return `${jobId}/${kind}`
}

function digestOf(report: Report): string {
  return createHash('sha256').update(JSON.stringify(report)).digest('hex')
}
