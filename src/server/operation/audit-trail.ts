import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Page } from '../store/page.ts'
import type { AuditRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'

const batch = 200

/** How far the chain goes, signed, to be kept where the owner of the database does not come. */
export interface SignedHead {
  readonly link: number
  readonly hash: string
  /** RFC 3339, UTC. */
  readonly at: string
  /** Ed25519 over `waxseal audit head`, link, hash and time, each on a line of its own; base64. */
  readonly signature: string
}

/** Gives all that was done its place in the chain. */
export async function chainAudit(store: Store): Promise<void> {
  while ((await store.audit.chain(batch)) === batch);
}

/** The audit trail, oldest first, up to now. */
export async function listAudit(store: Store, page: Page): Promise<readonly AuditRow[]> {
  await chainAudit(store)
  return store.audit.list(page)
}

/** The head of the chain, signed; link 0: nothing was done yet. */
export async function signHead(store: Store, keyPem: string): Promise<SignedHead> {
  await chainAudit(store)
  const head = await store.audit.head()
  const named = { link: head?.link ?? 0, hash: head?.hash ?? '', at: new Date(await store.now()).toISOString() }
  return { ...named, signature: sign(null, bytesOf(named), createPrivateKey(keyPem)).toString('base64') }
}

/** AUDIT_BROKEN: the head was not signed with this key. */
export function requireSigned(head: SignedHead, publicKeyPem: string): void {
  const signature = Buffer.from(head.signature, 'base64')
  if (!verify(null, bytesOf(head), createPublicKey(publicKeyPem), signature))
    throw new WaxsealError('AUDIT_BROKEN', {
      link: head.link,
      reason: 'the signature of the head does not fit its key',
      hint: 'if another server of the database signed it, name the audit.pem of that one with --key',
    })
}

function bytesOf({ link, hash, at }: Omit<SignedHead, 'signature'>): Buffer {
  return Buffer.from(`waxseal audit head\n${link}\n${hash}\n${at}\n`)
}
