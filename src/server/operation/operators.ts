import type { OperatorRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { type Actor, audit } from './audit.ts'
import type { Parts } from './parts.ts'
import { Refusal } from './refusal.ts'
import { hashSecret, isSameHash, newId, newSecret } from './secret.ts'

/** What an operator may do; each may do what those before it may. */
export const roles = ['reader', 'operator', 'admin'] as const

/** One of them. */
export type Role = OperatorRow['role']

/** Who has the file `operator-token` of the data directory. */
const firstAdmin = 'admin'

/** Whether this role may do what needs at least that one. */
export function mayDo(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least)
}

/** Who an operator's call comes from. */
export type Caller = Pick<OperatorRow, 'name' | 'role'>

/**
 * Whose token has this digest: that of the data directory (`ownHash`), or that of somebody whom the store knows. Null: it was revoked,
 * or is nobody's.
 */
export async function operatorWith(
  { operators }: Pick<Store, 'operators'>,
  ownHash: string,
  hash: string,
): Promise<Caller | null> {
  return isSameHash(hash, ownHash) ? { name: firstAdmin, role: 'admin' } : operators.find(hash)
}

/** Adds an operator; returns the token, which is told once. */
export async function addOperator(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  { name, role }: { readonly name: string; readonly role: Role },
): Promise<string> {
  const token = newSecret('wxo')
  await store.transaction(async (inside) => {
    const row = { id: newId('operator'), name, role, hash: hashSecret(token), createdAt: await inside.now() }
    // The audit trail names people: a name stays that of one of them.
    if (name === firstAdmin || !(await inside.operators.add({ ...row, revokedAt: null })))
      throw new Refusal('conflict', 'this name is, or was, that of an operator; choose another')
    await audit(inside, actor, 'operator.add', row.id, { name, role })
  })
  return token
}

/** Shuts an operator out from the next call on, and all that would come in with a bootstrap token of this operator. */
export async function revokeOperator({ store }: Pick<Parts, 'store'>, actor: Actor, name: string): Promise<void> {
  if (name === firstAdmin)
    throw new Refusal('conflict', 'the first admin has the file operator-token: remove it, and start the server again')
  await store.transaction(async (inside) => {
    if (!(await inside.operators.revoke(name, await inside.now())))
      throw new Refusal('missing', 'there is no operator of this name')
    await inside.tokens.endOf(`operator:${name}`)
    await audit(inside, actor, 'operator.revoke', name)
  })
}
