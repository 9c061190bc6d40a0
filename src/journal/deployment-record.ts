import { type DocumentFolder, openDocumentFolder } from '../host/file/folder/document-folder.ts'
import type { CertificateFacts, ProbeOutcome } from '../outcome/outcome.ts'
import type { FileVersion } from '../plan/file-change.ts'
import type { Command, FileRole, Probe } from '../plan/plan.ts'
import { certificateSchema, commandSchema, probeSchema, recordedFilesSchema } from './journal-schema.ts'

/** One file of a record. */
export interface RecordedFile extends FileVersion {
  readonly path: string
  readonly role: FileRole
}

/** What is live on one target: activated, and verified where there are probes. */
export interface DeploymentRecord {
  readonly target: string
  /** What its operator called it when this was deployed. */
  readonly targetName?: string
  readonly connector: string
  readonly service: string
  /** The other services that read its files, and were activated and verified with it. */
  readonly beside?: readonly string[]
  /** RFC 3339, UTC. */
  readonly deployed: string
  readonly certificate: CertificateFacts
  /** SHA-256 of the printed plan: another plan is another deployment. */
  readonly planDigest: string
  readonly files: readonly RecordedFile[]
  readonly probes: readonly ProbeOutcome[]
  /** The probes themselves, for later looks. */
  readonly looks: readonly Probe[]
  /** The daemon's own check. */
  readonly check: Command | null
  /** A listener showed the leaf. Left out by an older Waxseal. */
  readonly proven?: boolean
}

/** Whether a listener showed the leaf when it was deployed. */
export function isRecordProven({ proven, probes }: Pick<DeploymentRecord, 'proven' | 'probes'>): boolean {
  return proven ?? probes.some(({ ok }) => ok)
}

/** The records, one document per target. */
export type DeploymentRecords = DocumentFolder<DeploymentRecord>

/** Opens the records below the state directory. */
export async function openDeploymentRecords(path: string, isShared = false): Promise<DeploymentRecords> {
  return openDocumentFolder<DeploymentRecord>({ path, schema: recordSchema, isShared })
}

/** JSON schema of a record. */
export const recordSchema = {
  type: 'object',
  required: [
    'target',
    'connector',
    'service',
    'deployed',
    'certificate',
    'planDigest',
    'files',
    'probes',
    'looks',
    'check',
  ],
  properties: {
    target: { type: 'string' },
    targetName: { type: 'string' },
    connector: { type: 'string' },
    service: { type: 'string' },
    beside: { type: 'array', maxItems: 100, items: { type: 'string' } },
    deployed: { type: 'string' },
    certificate: certificateSchema,
    planDigest: { type: 'string' },
    files: recordedFilesSchema,
    probes: { type: 'array', items: { type: 'object', required: ['address', 'protocol', 'seen', 'ok'] } },
    looks: { type: 'array', maxItems: 1000, items: probeSchema },
    check: { anyOf: [commandSchema, { type: 'null' }] },
    proven: { type: 'boolean' },
  },
} as const
