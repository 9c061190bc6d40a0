import { dirname } from 'node:path'
import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { resolveOwnFolder } from '../host/policy-host.ts'
import { resolveGroup, resolveUser } from '../host/users.ts'
import type { Keeper } from '../plan/keeper.ts'

/**
 * Who may write in the folder of this resolved path beside root: as `policy.folders` has it for that folder, or for the nearest one above.
 * Null: neither is named there. PATH_NOT_ALLOWED: the host has no such user or group.
 */
export async function keeperFor(path: string, { folders }: Pick<PolicyConfig, 'folders'>): Promise<Keeper | null> {
  const named = await Promise.all(
    folders.map(async (folder) => ({ ...folder, real: await resolveOwnFolder(folder.path) })),
  )
  const [nearest] = named
    .filter(({ real }) => `${dirname(path)}/`.startsWith(real === '/' ? real : `${real}/`))
    .toSorted((one, other) => other.real.length - one.real.length)
  if (nearest === undefined) return null
  const uid = await idOf(nearest.owner, async (name) => (await resolveUser(name))?.uid ?? null)
  const gid = nearest.group === null ? null : await idOf(nearest.group, resolveGroup)
  if (uid !== null && (gid !== null || nearest.group === null)) return { uid, gid }
  const reason = `this host has no such ${uid === null ? `user: ${nearest.owner}` : `group: ${nearest.group}`}`
  throw new WaxsealError('PATH_NOT_ALLOWED', { path, reason, setting: 'policy.folders' })
}

/** A number is one of a container, mostly, of which this host knows no name. */
async function idOf(written: string, resolve: (name: string) => Promise<number | null>): Promise<number | null> {
  if (written === 'root') return 0
  return /^\d{1,10}$/.test(written) ? Number(written) : resolve(written)
}
