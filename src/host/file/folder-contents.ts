import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { isCode, maxBytes } from './files.ts'
import { readBounded } from './read-bounded.ts'

/** What a name in a folder leads to. */
export interface FolderEntry {
  readonly name: string
  /** `nothing`: a link that leads nowhere. `large`: a file that is too large to be looked at. */
  readonly kind: 'file' | 'folder' | 'large' | 'nothing' | 'other'
  /** Of a file; else empty. */
  readonly bytes: Uint8Array
}

const none = new Uint8Array()

/** What is in a folder, links followed, one after the other. Throws when it has more than `most` names. */
export async function* contentsOf(folder: string, most: number): AsyncGenerator<FolderEntry> {
  const names = await readdir(folder, { withFileTypes: true })
  if (names.length > most) throw new Error(`it has more than ${most} names`)
  for (const entry of names) yield { name: entry.name, ...(await look(`${folder}/${entry.name}`, entry)) }
}

async function look(path: string, entry: Dirent): Promise<Omit<FolderEntry, 'name'>> {
  if (entry.isDirectory()) return { kind: 'folder', bytes: none }
  const stats = await stat(path).catch((error: unknown) => {
    if (['ENOENT', 'ELOOP', 'ENOTDIR'].some((code) => isCode(error, code))) return null
    throw error
  })
  if (stats === null) return { kind: 'nothing', bytes: none }
  if (stats.isDirectory()) return { kind: 'folder', bytes: none }
  if (!stats.isFile()) return { kind: 'other', bytes: none }
  if (stats.size > maxBytes) return { kind: 'large', bytes: none }
  return { kind: 'file', bytes: (await readBounded(path, maxBytes)) ?? none }
}
