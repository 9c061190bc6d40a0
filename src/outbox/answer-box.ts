import type { Delivered, Undelivered } from '../documents/ask.ts'
import type { Report } from '../documents/report.ts'
import { withoutOutput } from '../documents/without-output.ts'
import type { Clock } from '../host/clock.ts'
import { type DocumentFolder, openDocumentFolder } from '../host/file/folder/document-folder.ts'
import { type KeptReport, KeptReports } from './kept-reports.ts'
import { oneAtATime, oneAtATimeEach } from './one-at-a-time.ts'
import { deadSchema } from './outbox-schema.ts'

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

const mostHeld = 100
const mostDead = 200

/** Opens the answers and the dead letters below the state directory, those of an older Waxseal with them. */
export async function openAnswerBox(options: {
  readonly path: string
  readonly deadPath: string
  readonly clock: Pick<Clock, 'now'>
}): Promise<AnswerBox> {
  const { path, deadPath, clock } = options
  const kept = await KeptReports.open(path)
  return new AnswerBox(kept, await openDocumentFolder<DeadLetter>({ path: deadPath, schema: deadSchema }), clock)
}

/** What there is to tell the control plane: durable until the courier says what became of it (law 8). */
export class AnswerBox {
  readonly #kept: KeptReports
  readonly #dead: DocumentFolder<DeadLetter>
  readonly #clock: Pick<Clock, 'now'>
  readonly #delivering = oneAtATime()
  /** By the id of a report: fifty jobs that begin at once write side by side. */
  readonly #inTurn = oneAtATimeEach()

  constructor(kept: KeptReports, dead: DocumentFolder<DeadLetter>, clock: Pick<Clock, 'now'>) {
    this.#kept = kept
    this.#dead = dead
    this.#clock = clock
  }

  /** A later report of the same kind about the same job takes the place of an earlier one: the final state wins. */
  put(report: Report): Promise<void> {
    const id = idOf(report)
    return this.#inTurn(id, async () => {
      const now = this.#clock.now()
      await this.#kept.put(id, { report: withoutOutput(report), attempts: 0, nextAt: now, since: now })
    })
  }

  /** Oldest first, without what commands printed. */
  list(): readonly Undelivered[] {
    const now = this.#clock.now()
    return this.#kept
      .all()
      .map(({ id, digest, since = now, refusal = null, report }) => ({ id, digest, since, refusal, report }))
  }

  /** Writes down what became of reports. One that was replaced since stays. */
  deliver(delivered: readonly Delivered[]): Promise<void> {
    return this.#delivering(async () => {
      for (const one of delivered) await this.#deliverOne(one)
      if (delivered.some(({ fate }) => fate === 'held')) await this.#dropHeld()
      if (delivered.some(({ fate }) => fate === 'refused')) await this.#dropDead()
    })
  }

  /** How many reports wait, without those that are held. */
  depth(): number {
    return this.#kept.all().filter(({ refusal }) => refusal === undefined).length
  }

  /** Of kinds that are refused as a whole: a few are kept. */
  held(): readonly HeldReports[] {
    const byKind = new Map<Report['kind'], HeldReports>()
    for (const { report, refusal } of this.#held())
      byKind.set(report.kind, { kind: report.kind, refusal, count: (byKind.get(report.kind)?.count ?? 0) + 1 })
    return [...byKind.values()]
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    return (await this.#dead.list()).map(({ document }) => document)
  }

  async #deliverOne(one: Delivered): Promise<void> {
    const current = this.#kept.get(one.id)
    if (current === null || current.digest !== one.digest) return
    if (one.fate === 'taken') await this.#release(current.report.kind)
    await this.#inTurn(one.id, () => this.#settle(one))
  }

  async #settle({ id, digest, fate, refusal }: Delivered): Promise<void> {
    const current = this.#kept.get(id)
    if (current === null || current.digest !== digest) return
    const { report, since = this.#clock.now() } = current
    if (fate === 'held')
      return this.#kept.put(id, { report, attempts: 0, nextAt: since, since, refusal: refusal ?? '' })
    if (fate === 'refused') await this.#dead.put(id, { report, refusal: refusal ?? '' })
    await this.#kept.remove(id)
  }

  #held(): readonly (KeptReport & { readonly refusal: string })[] {
    return this.#kept.all().flatMap((one) => (one.refusal === undefined ? [] : [{ ...one, refusal: one.refusal }]))
  }

  /** The newest of each kind are kept: what the control plane takes one day should be of use. */
  async #dropHeld(): Promise<void> {
    const left = new Map<Report['kind'], number>()
    for (const { id, report } of this.#held().toReversed()) {
      const count = (left.get(report.kind) ?? 0) + 1
      left.set(report.kind, count)
      if (count > mostHeld) await this.#inTurn(id, () => this.#ifHeld(id, () => this.#kept.remove(id)))
    }
  }

  /** One of the kind was taken: it is refused as a whole no more. */
  async #release(kind: Report['kind']): Promise<void> {
    for (const { id, report } of this.#held())
      if (report.kind === kind)
        await this.#inTurn(id, () =>
          this.#ifHeld(id, ({ id: _, digest: __, refusal: ___, ...kept }) => this.#kept.put(id, kept)),
        )
  }

  /** Unless another report took its place since. */
  async #ifHeld(id: string, work: (held: KeptReport) => Promise<void>): Promise<void> {
    const current = this.#kept.get(id)
    if (current?.refusal !== undefined) await work(current)
  }

  async #dropDead(): Promise<void> {
    for (const { id } of (await this.#dead.list()).slice(0, -mostDead)) await this.#dead.remove(id)
  }
}

function idOf({ jobId, kind }: Report): string {
  return `${jobId}/${kind}`
}
