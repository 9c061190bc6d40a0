import type { SessionRow } from '../store/session-store.ts'
import type { Store } from '../store/store.ts'
import { audit } from './audit.ts'
import { type Caller, operatorWith } from './operators.ts'
import type { Parts } from './parts.ts'
import { hashSecret, newSecret } from './secret.ts'

const hourMs = 3_600_000
/** From the sign-in on, and since the last call. */
const [longestMs, idleMs] = [12 * hourMs, hourMs]
/** Of one token: who signs in all the time fills no table. */
const mostOfToken = 20
/** A page that is read writes no more often than this. */
const noteEveryMs = 60_000

/** What a session is called in the audit trail: the beginning of its digest. */
const idOf = (hash: string): string => hash.slice(0, 16)

/** A sign-in as it comes: by the digest of a token, from an address. */
export interface SignIn {
  readonly tokenHash: string
  readonly address: string
  /** Of the session that the browser had, which ends; null: none. */
  readonly formerHash: string | null
}

/** Begins a session for the operator of this token. Its secret is new each time, and told once. */
export async function beginSession(
  { store }: Pick<Parts, 'store'>,
  { name }: Caller,
  { tokenHash, address, formerHash }: SignIn,
): Promise<string> {
  const secret = newSecret('wxs')
  const hash = hashSecret(secret)
  await store.transaction(async (inside) => {
    const createdAt = await inside.now()
    if (formerHash !== null) await inside.sessions.end(formerHash)
    const times = { createdAt, seenAt: createdAt, expiresAt: createdAt + longestMs }
    await inside.sessions.add({ hash, tokenHash, ...times }, mostOfToken)
    await audit(inside, `operator:${name}`, 'session.begin', idOf(hash), { address })
  })
  return secret
}

/** Whose session this is, by its digest; null: there is none, it is over, or the operator was revoked since. */
export async function resumeSession(
  { store }: Pick<Parts, 'store'>,
  ownHash: string,
  hash: string,
): Promise<Caller | null> {
  const [session, now] = [await store.sessions.find(hash), await store.now()]
  if (session === null || isOver(session, now)) return null
  const operator = await operatorWith(store, ownHash, session.tokenHash)
  if (operator !== null && now - session.seenAt >= noteEveryMs) await store.sessions.see(hash, now)
  return operator
}

/** Ends a session at once. */
export async function endSession({ store }: Pick<Parts, 'store'>, { name }: Caller, hash: string): Promise<void> {
  await store.transaction(async (inside) => {
    if (await inside.sessions.end(hash)) await audit(inside, `operator:${name}`, 'session.end', idOf(hash))
  })
}

/** Forgets sessions that are over. */
export async function forgetSessions(store: Store): Promise<void> {
  const now = await store.now()
  await store.sessions.forget(now, now - idleMs)
}

function isOver({ seenAt, expiresAt }: SessionRow, now: number): boolean {
  return now >= expiresAt || now - seenAt >= idleMs
}
