import { generateKeyPairSync } from 'node:crypto'
import { giveToGroupOf } from '../../../host/file/give-to-group.ts'
import { durableNew } from '../../../host/file/write/durable-write.ts'

/** A private key as ACME takes it: P-256, PEM. */
export function accountKeyPem(): Buffer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

/** Makes one in a file that must not be there (EEXIST); who has the data directory reads it by its group. */
export async function newAccountKey(path: string, dataDir: string): Promise<void> {
  await durableNew(path, accountKeyPem(), 0o600)
  await giveToGroupOf(path, dataDir)
}
