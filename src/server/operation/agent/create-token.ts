import { tokenIdLength } from '../../store/identity-store.ts'
import { type Actor, audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { hashSecret, newSecret } from '../secret.ts'

/** Of a token of which nothing else was said. */
export const defaultTokenMs = 24 * 3_600_000

/** What a bootstrap token is good for; left out: for a day, for one agent of any name. */
export interface TokenRules {
  readonly expiresInMs?: number | undefined
  readonly uses?: number | undefined
  /** `*` stands for any text. */
  readonly namePattern?: string | undefined
  /** The agent whose place the host takes; such a token has one use. */
  readonly agentId?: string | undefined
}

/** Makes a bootstrap token, which is told once. */
export async function createToken(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  { expiresInMs = defaultTokenMs, uses = 1, namePattern, agentId }: TokenRules = {},
): Promise<string> {
  const token = newSecret('wxt')
  const hash = hashSecret(token)
  await store.transaction(async (inside) => {
    const createdAt = await inside.now()
    const rules = { expiresAt: createdAt + expiresInMs, usesLeft: uses, namePattern: namePattern ?? null }
    await inside.tokens.add({ hash, ...rules, createdAt, createdBy: actor, agentId: agentId ?? null, usedAt: null })
    await audit(inside, actor, 'token.create', tokenId(hash), { ...rules, agent: agentId ?? null })
  })
  return token
}

/** What people call a token by, which is told once: the beginning of its digest. */
export function tokenId(hash: string): string {
  return hash.slice(0, tokenIdLength)
}

/** Whether a name is one that the pattern of a token allows; `*` stands for any text. */
export function requireMatch(pattern: string | null, name: string): void {
  if (pattern === null) return
  const [first = '', ...parts] = pattern.split('*')
  if (parts.length === 0 ? name === first : name.startsWith(first) && areInOrder(parts, name.slice(first.length)))
    return
  throw new Refusal('forbidden', 'the bootstrap token is for agents of other names')
}

/** In time that grows with the lengths alone, which a regular expression would not promise. */
function areInOrder(parts: readonly string[], text: string): boolean {
  let at = 0
  for (const part of parts.slice(0, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  const last = parts.at(-1) ?? ''
  return text.length - last.length >= at && text.endsWith(last)
}
