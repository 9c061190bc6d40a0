import { generateKeyPairSync } from 'node:crypto'
import { type AcmeKey, acmeKeyOf } from '../../acme/acme-key.ts'
import { readSnapshot } from '../../host/file/files.ts'
import { durableCreate } from '../../host/file/write/durable-write.ts'

/** The key of this host's account with a CA, made where there is none; durable on return. It never leaves this half. */
export async function openAccountKey(path: string): Promise<AcmeKey> {
  const kept = await readSnapshot(path)
  if (kept !== null) return acmeKeyOf(Buffer.from(kept.bytes).toString('latin1'))
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await durableCreate(path, Buffer.from(pem))
  // Another one may have been first.
  return acmeKeyOf(Buffer.from((await readSnapshot(path))?.bytes ?? []).toString('latin1'))
}
