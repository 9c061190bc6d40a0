import { type DocumentFolder, openDocumentFolder } from '../host/file/folder/document-folder.ts'
import type { Sighting } from '../outcome/sighting.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { Command, Plan, Probe, RetrySchedule } from '../plan/plan.ts'
import type { DeploymentRecord } from './deployment-record.ts'
import { journalSchema } from './journal-schema.ts'

/** What the deployment to one target would need to be undone or finished by another process. No contents, no key bytes. */
export interface JournalledDeployment extends ChangeSet {
  readonly connector: string
  readonly target: string
  readonly probes: readonly Probe[]
  readonly retry: RetrySchedule
  /** Per probe, SHA-256 of the leaves that prove a rollback: seen before, or in the old files. Empty: none was served. */
  readonly oldLeaves: readonly (readonly string[])[]
  /** Per probe, what it showed before anything was touched. Left out by an older Waxseal. */
  readonly before?: readonly Sighting[]
  /** SHA-256 of the new leaf. */
  readonly newLeaf: string
  /** The same of its chain, roots left out; null: it came without one. Left out by an older Waxseal. */
  readonly newChain?: readonly string[] | null
  readonly agreeingLooks?: Plan['agreeingLooks']
  /** What its record will say beside what was seen. */
  readonly record: Pick<DeploymentRecord, 'certificate' | 'planDigest' | 'files' | 'check' | 'targetName' | 'beside'> &
    Partial<Pick<DeploymentRecord, 'service'>>
}

/** One transaction: deployments to one service that are checked, activated, verified, and undone, together. */
export interface JournalEntry {
  readonly service: string
  /** RFC 3339, UTC. */
  readonly begun: string
  /** `settling`: verified and recorded, only the kept old files are left to be dropped. */
  readonly phase: 'deploying' | 'rolling-back' | 'settling'
  readonly deployments: readonly JournalledDeployment[]
  /** Names of tables that are compiled anew, and what they are to go on serving: SHA-256 of the leaf. */
  readonly others?: readonly { readonly probe: Probe; readonly leaf: string }[]
  readonly checks: readonly Command[]
  readonly activate: readonly Command[]
  readonly recover: readonly Command[]
}

/** The transactions under way, one document each, keyed by the first target. */
export type Journal = DocumentFolder<JournalEntry>

/** Opens the journal below the state directory. Torn or foreign documents are set aside, never acted on. */
export async function openJournal(path: string, isShared = false): Promise<Journal> {
  return openDocumentFolder<JournalEntry>({ path, schema: journalSchema, isShared })
}

/** The document of an entry. Every entry of one target is finished before the next, so no other has this one. */
export function journalId({ deployments }: Pick<JournalEntry, 'deployments'>): string {
  return deployments[0]?.target ?? ''
}
