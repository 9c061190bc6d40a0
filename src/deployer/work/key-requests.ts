import { type DocumentFolder, openDocumentFolder } from '../../host/file/document-folder.ts'

/** The key that was made for one issuance job, so that the job, which comes again until it is signed, gets one key only. */
export interface KeyRequest {
  readonly spkiSha256: string
}

/** One document per issuance job. */
export type KeyRequests = DocumentFolder<KeyRequest>

/** Opens the key requests below the state directory. */
export async function openKeyRequests(path: string): Promise<KeyRequests> {
  const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' }
  return openDocumentFolder<KeyRequest>({
    path,
    schema: { type: 'object', required: ['spkiSha256'], properties: { spkiSha256: digest } },
  })
}
