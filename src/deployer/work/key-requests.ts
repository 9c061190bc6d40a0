import { type DocumentFolder, openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import { requireRoomWithin } from '../../limit/within.ts'

/** The key that was made for one issuance job, so that the job, which comes again until it is signed, gets one key only. */
export interface KeyRequest {
  readonly spkiSha256: string
  /** Left out by an older Waxseal. */
  readonly certificateId?: string
  /** When the key was made: milliseconds since 1970. Left out by an older Waxseal. */
  readonly made?: number
}

/** One document per issuance job. */
export type KeyRequests = DocumentFolder<KeyRequest>

/** JSON schema of a key request. */
export const keyRequestSchema = {
  type: 'object',
  required: ['spkiSha256'],
  properties: {
    spkiSha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    certificateId: { type: 'string' },
    made: { type: 'number' },
  },
} as const

/** Opens the key requests below the state directory. */
export async function openKeyRequests(path: string): Promise<KeyRequests> {
  return openDocumentFolder<KeyRequest>({ path, schema: keyRequestSchema })
}

const dayMs = 86_400_000

/** LIMIT_EXCEEDED: this certificate, or all together, had as many requests within a day as any may. Forgets those of earlier days that have ended. */
export async function requireRoomForKey(
  certificateId: string,
  { keyRequests, isOpen }: { readonly keyRequests: KeyRequests; readonly isOpen: (jobId: string) => boolean },
): Promise<void> {
  const all: number[] = []
  const ofThis: number[] = []
  for (const { id, document } of await keyRequests.list()) {
    const { made = 0 } = document
    const isRecent = Date.now() - made < dayMs
    if (isRecent) all.push(made)
    if (isRecent && document.certificateId === certificateId) ofThis.push(made)
    if (!isRecent && !isOpen(id)) await keyRequests.remove(id)
  }
  requireRoomWithin('keysPerCertificate', ofThis, dayMs)
  requireRoomWithin('keysPerDay', all, dayMs)
}
