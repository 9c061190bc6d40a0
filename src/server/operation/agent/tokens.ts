import type { Page } from '../../store/page.ts'
import type { ListedToken } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { tokenId } from './create-token.ts'

/** A token that was used up or has ended is listed for so long. */
const keptMs = 30 * 86_400_000

/** What a token is good for. */
export type TokenState = 'good' | 'used' | 'ended'

/** Bootstrap tokens, oldest first; none of them can be read off its row. */
export async function listTokens(
  { store }: Pick<Parts, 'store'>,
  page: Page,
): Promise<readonly { readonly token: ListedToken; readonly id: string; readonly state: TokenState }[]> {
  const [tokens, now] = [await store.tokens.list(page), await store.now()]
  return tokens.map((token) => ({ token, id: tokenId(token.hash), state: stateOf(token, now) }))
}

function stateOf({ usesLeft, expiresAt }: ListedToken, now: number): TokenState {
  if (usesLeft <= 0) return 'used'
  return expiresAt !== null && expiresAt <= now ? 'ended' : 'good'
}

/** Ends a token, by its id: nobody comes in with it any more. Who came in stays. */
export function revokeToken({ store }: Pick<Parts, 'store'>, actor: Actor, id: string): Promise<void> {
  return store.transaction(async (inside) => {
    if (!(await inside.tokens.end(id, await inside.now())))
      throw new Refusal('missing', 'there is no such token that is still good')
    await audit(inside, actor, 'token.revoke', id)
  })
}

/** Forgets what is over for long. The audit trail has what was done with it. */
export async function forgetTokens(store: Store): Promise<void> {
  await store.tokens.forget((await store.now()) - keptMs)
}
