import type { Dirent } from 'node:fs'
import { lstat, readdir, realpath } from 'node:fs/promises'
import { isCode, maxBytes, readSnapshot } from '../files.ts'

/** What a name in a folder leads to. */
export interface FolderEntry {
  readonly name: string
  /** `nothing`: a link that leads nowhere. `elsewhere`: one that is not followed. `large`: a file that is too large to be looked at. */
  readonly kind: 'file' | 'folder' | 'large' | 'nothing' | 'elsewhere' | 'other'
  /** The resolved path. */
  readonly leadsTo: string
  /** Of a file; else empty. */
  readonly bytes: Uint8Array
}

const none: Uint8Array = new Uint8Array()

/**
 * What is in a folder, one after the other. A link is followed where `isWithin` holds of the resolved path; what is behind another one is
 * not looked at. Throws when the folder has more than `most` names.
 */
export async function* contentsOf(
  folder: string,
  most: number,
  isWithin: (path: string) => Promise<boolean>,
): AsyncGenerator<FolderEntry> {
  const names = await readdir(folder, { withFileTypes: true })
  if (names.length > most) throw new Error(`it has more than ${most} names`)
  for (const entry of names) yield { name: entry.name, ...(await look(`${folder}/${entry.name}`, entry, isWithin)) }
}

async function look(
  path: string,
  entry: Dirent,
  isWithin: (path: string) => Promise<boolean>,
): Promise<Omit<FolderEntry, 'name'>> {
  const leadsTo = entry.isSymbolicLink() ? await resolved(path) : path
  const is = (kind: FolderEntry['kind'], bytes = none): Omit<FolderEntry, 'name'> => {
    return { kind, leadsTo: leadsTo ?? path, bytes }
  }
  if (leadsTo === null) return is('nothing')
  if (leadsTo !== path && !(await isWithin(leadsTo))) return is('elsewhere')
  const stats = await lstat(leadsTo)
  if (stats.isDirectory()) return is('folder')
  if (!stats.isFile()) return is('other')
  if (stats.size > maxBytes) return is('large')
  return is('file', (await readSnapshot(leadsTo))?.bytes)
}

async function resolved(link: string): Promise<string | null> {
  return realpath(link).catch((error: unknown) => {
    if (['ENOENT', 'ELOOP', 'ENOTDIR'].some((code) => isCode(error, code))) return null
    throw error
  })
}
