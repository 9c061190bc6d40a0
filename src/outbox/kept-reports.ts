import { createHash } from 'node:crypto'
import type { Report } from '../documents/report.ts'
import { withoutOutput } from '../documents/without-output.ts'
import { type DocumentFolder, openDocumentFolder } from '../host/file/folder/document-folder.ts'
import { waitingSchema } from './outbox-schema.ts'

/** As an outbox has it on disk: the times of sending are for the version before this one, should it come back. */
export interface Kept {
  readonly report: Report
  readonly attempts: number
  readonly nextAt: number
  /** Milliseconds since 1970; left out: by a version that did not say. */
  readonly since?: number
  readonly refusal?: string
}

/** A report that waits. */
export interface KeptReport extends Kept {
  readonly id: string
  /** Of the report, without what commands printed. */
  readonly digest: string
}

/**
 * The reports that wait, oldest first. Nobody else writes in their folder, so it is read once, at the start: the courier asks for all of
 * them whenever one is other than before.
 */
export class KeptReports {
  readonly #folder: DocumentFolder<Kept>
  readonly #reports: Map<string, KeptReport>

  private constructor(folder: DocumentFolder<Kept>, reports: readonly KeptReport[]) {
    this.#folder = folder
    this.#reports = new Map(reports.map((report) => [report.id, report]))
  }

  static async open(path: string): Promise<KeptReports> {
    const folder = await openDocumentFolder<Kept>({ path, schema: waitingSchema })
    return new KeptReports(
      folder,
      (await folder.list()).map(({ id, document }) => known(id, document)),
    )
  }

  all(): readonly KeptReport[] {
    return [...this.#reports.values()]
  }

  get(id: string): KeptReport | null {
    return this.#reports.get(id) ?? null
  }

  /** Durable when it returns. One of the same id keeps its place. */
  async put(id: string, kept: Kept): Promise<void> {
    await this.#folder.put(id, kept)
    this.#reports.set(id, known(id, kept))
  }

  async remove(id: string): Promise<void> {
    await this.#folder.remove(id)
    this.#reports.delete(id)
  }
}

function known(id: string, kept: Kept): KeptReport {
  const report = withoutOutput(kept.report)
  return { ...kept, id, report, digest: createHash('sha256').update(JSON.stringify(report)).digest('hex') }
}
