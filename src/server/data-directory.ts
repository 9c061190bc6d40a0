import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { type FileLock, lockHolder, tryLock } from '../host/file/file-lock.ts'
import { ensurePrivateFolder } from '../host/file/folder/private-folder.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { durableWrite } from '../host/file/write/durable-write.ts'
import { newSecret } from './operation/secret.ts'

/** Takes the data directory for this process, and closes it to others. STATE_BUSY: another server has it. */
export async function takeDataDirectory(dataDir: string): Promise<FileLock> {
  await ensurePrivateFolder(dataDir)
  const path = join(dataDir, 'lock.db')
  const lock = tryLock(path)
  if (lock !== null) return lock
  const hint = 'another control plane runs on this data directory; stop it, or give this one another --data-dir'
  throw new WaxsealError('STATE_BUSY', { folder: dataDir, pid: await lockHolder(path), hint })
}

/** The operator's token of this data directory, made at the first start. */
export async function openOperatorToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'operator-token')
  const kept = await readBounded(path, 4096)
  if (kept !== null) return Buffer.from(kept).toString('utf8').trim()
  const token = newSecret('wxo')
  await durableWrite(path, Buffer.from(`${token}\n`))
  return token
}

/** The key that heads of the audit trail are signed with (Ed25519, PEM), made at the first start; `audit.pem` is its public half. */
export async function openAuditKey(dataDir: string): Promise<string> {
  const path = join(dataDir, 'audit.key')
  const kept = await readBounded(path, 4096)
  const pem = kept === null ? newKey() : Buffer.from(kept).toString('utf8')
  if (kept === null) await durableWrite(path, Buffer.from(pem))
  const publicPem = createPublicKey(pem).export({ type: 'spki', format: 'pem' })
  await durableWrite(join(dataDir, 'audit.pem'), Buffer.from(publicPem), 0o644)
  return pem
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
