import { type Actor, audit } from './audit.ts'
import type { Parts } from './parts.ts'
import { hashSecret, newSecret } from './secret.ts'

/** What a bootstrap token is good for; left out: one agent of any name, without an end. */
export interface TokenRules {
  readonly expiresAt?: number
  readonly uses?: number
  readonly namePattern?: string
}

/** Makes a bootstrap token, which is told once. */
export async function createToken(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  { expiresAt, uses = 1, namePattern }: TokenRules = {},
): Promise<string> {
  const token = newSecret('wxt')
  const hash = hashSecret(token)
  await store.transaction(async (inside) => {
    await inside.tokens.add({
      hash,
      expiresAt: expiresAt ?? null,
      usesLeft: uses,
      namePattern: namePattern ?? null,
      createdAt: await inside.now(),
      createdBy: actor,
    })
    await audit(inside, actor, 'token.create', hash.slice(0, 16), { uses })
  })
  return token
}
