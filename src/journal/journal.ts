import { type DocumentFolder, openDocumentFolder } from '../host/document-folder.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { Command, Probe, RetrySchedule } from '../plan/plan.ts'
import { journalSchema } from './journal-schema.ts'

/** What a deployment under way would need to be undone or finished by another process. No contents, no key bytes. */
export interface JournalEntry extends ChangeSet {
  readonly connector: string
  readonly service: string
  readonly target: string
  /** RFC 3339, UTC. */
  readonly begun: string
  /** `settling`: verified and recorded, only the kept old files are left to be dropped. */
  readonly phase: 'deploying' | 'rolling-back' | 'settling'
  readonly check: Command | null
  readonly activate: readonly Command[]
  readonly recover: readonly Command[]
  readonly probes: readonly Probe[]
  readonly retry: RetrySchedule
  /** Per probe, SHA-256 of the leaves that prove a rollback: seen before, or in the old files. Empty: none was served. */
  readonly oldLeaves: readonly (readonly string[])[]
  /** SHA-256 of the new leaf. */
  readonly newLeaf: string
}

/** The deployments under way, one document each, keyed by target. */
export type Journal = DocumentFolder<JournalEntry>

/** Opens the journal below the state directory. Torn or foreign documents are set aside, never acted on. */
export async function openJournal(path: string, isShared = false): Promise<Journal> {
  return openDocumentFolder<JournalEntry>({ path, schema: journalSchema, isShared })
}
