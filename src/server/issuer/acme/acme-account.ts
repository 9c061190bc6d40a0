import { type AcmeKey, acmeKeyOf } from '../../../acme/acme-key.ts'
import { type AcmeClient, openAcme } from '../../../acme/open-acme.ts'
import { WaxsealError } from '../../../error/waxseal-error.ts'
import { readBounded } from '../../../host/file/read-bounded.ts'
import { readSecret } from '../../../host/file/read-secret.ts'
import { durableCreate } from '../../../host/file/write/durable-write.ts'
import type { AcmeIssuerConfig } from '../../config/server-config.ts'
import { accountKeyPem } from './new-account-key.ts'

/** The client of an account, and its key. */
export interface AcmeAccount {
  readonly client: AcmeClient
  readonly key: AcmeKey
}

const mostCaBytes = 1024 * 1024

/**
 * Opens the account of an issuer: its key, what it is bound to, whom to trust. Files are read now. `ownKey`: where the key is that nobody
 * has named, which is made there. CONFIG_INVALID: a file is missing, or is not what it should be.
 */
export async function openAcmeAccount(config: AcmeIssuerConfig, ownKey: string): Promise<AcmeAccount> {
  const { name, accountKey, caFile, eab, contact, directory } = config
  if (accountKey === null && (await readKey(name, ownKey)) === null) await durableCreate(ownKey, accountKeyPem(), 0o600)
  const path = accountKey ?? ownKey
  const pem = await readKey(name, path)
  if (pem === null) {
    const hint = `as root: waxseal control-plane issuer new-key ${path}`
    throw new WaxsealError('CONFIG_INVALID', { issuer: name, file: path, reason: 'there is no account key', hint })
  }
  const key = acmeKeyOf(pem)
  const externalAccount = eab === null ? null : { kid: eab.kid, hmacKey: await readMac(name, eab.keyFile) }
  const ca = caFile === null ? null : Buffer.from((await readBounded(caFile, mostCaBytes)) ?? []).toString('latin1')
  return { key, client: openAcme({ directory, ca, key, contact, acceptsTerms: true, externalAccount }) }
}

async function readKey(issuer: string, path: string): Promise<string | null> {
  const bytes = await readOwn(issuer, path)
  return bytes === null ? null : Buffer.from(bytes).toString('latin1')
}

async function readMac(issuer: string, path: string): Promise<string> {
  const bytes = await readOwn(issuer, path)
  const text = Buffer.from(bytes ?? [])
    .toString('latin1')
    .trim()
  if (/^[A-Za-z0-9_-]{16,1024}=*$/.test(text)) return text.replace(/=+$/, '')
  throw new WaxsealError('CONFIG_INVALID', { issuer, file: path, reason: 'it is no MAC key in base64url' })
}

async function readOwn(issuer: string, path: string): Promise<Uint8Array | null> {
  return readSecret(path).catch((error: unknown) => {
    throw new WaxsealError('CONFIG_INVALID', {
      issuer,
      file: path,
      reason: error instanceof Error ? error.message : '',
    })
  })
}
