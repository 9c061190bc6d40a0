import { lookup } from 'node:dns/promises'
import { lstat, realpath, stat } from 'node:fs/promises'
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isCode } from './file/files.ts'
import { whoElseWrites } from './file/folder/whose-folder.ts'
import { placesOnTheWay } from './file/link/places-on-the-way.ts'
import { isOurs } from './file/ours.ts'

/** Where a path leads, symlinks resolved; `missing` is a link to nothing. */
export type Resolved =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'free'; readonly path: string }
  | { readonly kind: 'folder' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'other' }

/** Resolves a destination: the target of a link, a file, or a free name in an existing folder. */
export async function resolveDestination(path: string): Promise<Resolved> {
  try {
    const real = await realpath(path)
    const stats = await stat(real)
    if (stats.isDirectory()) return { kind: 'folder' }
    return stats.isFile() ? { kind: 'file', path: real } : { kind: 'other' }
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error
  }
  if (await isThere(path)) return { kind: 'missing' }
  try {
    return { kind: 'free', path: join(await realpath(dirname(path)), basename(path)) }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return { kind: 'missing' }
    throw error
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** A folder with its symlinks resolved; itself when there is none. */
export async function resolveFolder(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}

/**
 * A folder that an administrator has named, with the symlinks resolved that nobody else could have put there: from where others may
 * exchange what is in a folder, the path stands as it is written. That holds for the folders that a link leads through, too.
 */
export async function resolveOwnFolder(path: string): Promise<string> {
  let resolved = path
  try {
    for await (const { path: at, stats, rest, isEnd } of placesOnTheWay(path)) {
      resolved = join(at, ...rest)
      const isLink = stats.isSymbolicLink()
      if (!isOurs(stats) || (!isLink && !isEnd && whoElseWrites(stats, null, false) !== null)) break
    }
  } catch {
    // What cannot be looked up stands as it is written.
  }
  return resolved
}

/** The addresses of a host name; the address itself for one. Empty when it cannot be resolved. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  return lookup(host, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  )
}

/** Whether an address is loopback, one of this host's own, or in one of the ranges (`192.0.2.0/24`, `192.0.2.1`). */
export function isAddressAllowed(address: string, ranges: readonly string[]): boolean {
  const list = new BlockList()
  list.addSubnet('127.0.0.0', 8, 'ipv4')
  list.addAddress('::1', 'ipv6')
  for (const own of Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])) {
    list.addAddress(own.address, own.family === 'IPv6' ? 'ipv6' : 'ipv4')
  }
  for (const range of ranges) addRange(list, range)
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/')
  const family = isIP(address)
  if (family === 0) return
  const kind = family === 6 ? 'ipv6' : 'ipv4'
  if (bits === undefined) list.addAddress(address, kind)
  else list.addSubnet(address, Number(bits), kind)
}
