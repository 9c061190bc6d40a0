import { join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { durableWrite } from '../host/file/write/durable-write.ts'
import { type Authority, openAuthority } from './authority/authority.ts'
import type { ControlPlaneLog } from './http/log-requests.ts'
import type { Store } from './store/store.ts'

const known = 'ca_ids'

/** Where the CA is. */
export interface CaOptions {
  readonly dataDir: string
  /** As the operator gives it to each server; left out: the data directory. */
  readonly caDir?: string | undefined
  readonly database?: string | undefined
}

/**
 * Opens the CA of this store. One is made where nobody trusts another yet, in the data directory alone, and by one server alone.
 * CA_MISSING: there is none, or not the one of the other servers of this database.
 */
export async function openCa({ dataDir, caDir, database }: CaOptions, store: Store): Promise<Authority> {
  const folder = caDir ?? dataDir
  const isFirst = (await store.agents.list({ limit: 1 })).length === 0
  const kept = await store.server.get(known)
  const mayMake = caDir === undefined && isFirst && (database === undefined || kept === null)
  const authority = await openAuthority(folder, mayMake)
  const isSame = kept === null || authority.ids.some((id) => kept.split(' ').includes(id))
  if (!isSame && !mayMake) {
    const hint = 'give every server of this database the same ca.pem and ca.key, with --ca-dir or in its data directory'
    throw new WaxsealError('CA_MISSING', { folder, hint })
  }
  await store.server.set(known, authority.ids.join(' '))
  // Clients of the data directory read it there.
  if (caDir !== undefined) await durableWrite(join(dataDir, 'ca.pem'), Buffer.from(authority.caPem), 0o644)
  return authority
}

const dayMs = 86_400_000

/** Says once a day that the next CA is to be made, where the operator makes it. */
export function remindOfNextCa(authority: Authority, log: ControlPlaneLog): (at: number) => void {
  let saidAt = Number.NEGATIVE_INFINITY
  return (at) => {
    if (at - saidAt < dayMs || !authority.isNextDue(at)) return
    saidAt = at
    log.error(
      { ca: authority.ids },
      'the next CA is due: waxseal control-plane ca next makes it (docs/control-plane.md)',
    )
  }
}
