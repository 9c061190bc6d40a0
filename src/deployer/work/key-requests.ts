import { type DocumentFolder, openDocumentFolder } from '../../host/file/document-folder.ts'

/** The key that was made for one issuance job, so that the job, which comes again until it is signed, gets one key only. */
export interface KeyRequest {
  readonly spkiSha256: string
}

/** One document per issuance job. */
export type KeyRequests = DocumentFolder<KeyRequest>

/** JSON schema of a key request. */
export const keyRequestSchema = {
  type: 'object',
  required: ['spkiSha256'],
  properties: { spkiSha256: { type: 'string', pattern: '^[0-9a-f]{64}$' } },
} as const

/** Opens the key requests below the state directory. */
export async function openKeyRequests(path: string): Promise<KeyRequests> {
  return openDocumentFolder<KeyRequest>({ path, schema: keyRequestSchema })
}
