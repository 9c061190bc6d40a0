import { join } from 'node:path'
import type { KeyParts } from '../../src/deployer/key/key-of-job.ts'
import { openKeyrings } from '../../src/deployer/key/keyrings.ts'
import { openKeyRequests } from '../../src/deployer/work/key-requests.ts'
import type { IssuanceJob } from '../../src/documents/job.ts'
import { openKeyStore } from '../../src/material/key-store.ts'
import { keyKinds } from '../../src/plan/key-kind.ts'

/** What choosing keys needs, on what is in this folder: opened again, it is as after a restart. */
export async function openKeyParts(dir: string): Promise<KeyParts> {
  return {
    keys: await openKeyStore(join(dir, 'keys')),
    keyRequests: await openKeyRequests(join(dir, 'requests')),
    keyrings: await openKeyrings(join(dir, 'keyrings')),
    records: { list: async () => [] },
    archive: { list: async () => [] },
    arrived: async () => [],
    newKeys: keyKinds,
    isOpen: () => false,
  }
}

/** A job for a CSR of the certificate `mc-1`. */
export function issuanceJob(id: string, changes: Partial<IssuanceJob> = {}): IssuanceJob {
  return { kind: 'issuance', id, certificateId: 'mc-1', commonName: 'mail.example.net', sans: [], ...changes }
}
