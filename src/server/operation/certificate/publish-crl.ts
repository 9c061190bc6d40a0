import type { Authority } from '../../authority/authority.ts'
import type { VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/** Nobody is asked who fetches the list: the store is looked at no more often than this. */
const lookEveryMs = 10_000
const dayMs = 86_400_000
const numberName = 'crl_number'

/** The lists (DER) of the CAs, by their ids; null: there is no such CA. */
export type CrlOf = (id: string) => Promise<Buffer | null>

interface Listed {
  readonly revoked: readonly VersionRow[]
  readonly serials: string
  readonly number: number
  readonly at: number
}

/** Lists what is revoked: a new list every day, and when more is revoked, with a number that only grows, on all servers. */
export function crlPublisher(store: Store, authority: Pick<Authority, 'crl'>): CrlOf {
  let lookedAt = Number.NEGATIVE_INFINITY
  let listed: Promise<Listed> | null = null
  const made = new Map<string, { readonly of: Listed; readonly der: Buffer | null }>()
  return async (id) => {
    const now = await store.now()
    if (listed === null || Math.abs(now - lookedAt) > lookEveryMs) {
      lookedAt = now
      listed = look(store, await listed, now).catch((error: unknown) => {
        listed = null
        throw error
      })
    }
    const current = await listed
    const before = made.get(id)
    if (before?.of === current) return before.der
    const der = await authority.crl(id, current.revoked, current.number, current.at)
    // Of ids that somebody makes up nothing is kept.
    if (der !== null) made.set(id, { of: current, der })
    return der
  }
}

function look(outer: Store, before: Listed | null, now: number): Promise<Listed> {
  return outer.transaction(async (store) => {
    const revoked = await store.versions.revoked(now)
    const serials = revoked.map(({ serial }) => serial).join(' ')
    if (before !== null && serials === before.serials && now - before.at < dayMs) return before
    // A clock that is set back, or a server that was faster, does not make it smaller.
    const number = Math.max(now, Number((await store.server.get(numberName)) ?? 0) + 1)
    await store.server.set(numberName, String(number))
    return { revoked, serials, number, at: now }
  })
}
