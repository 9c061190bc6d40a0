import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Envelope, type EnvelopeCheck, envelopeCheck, openEnvelope, sealEnvelope } from '../envelope.ts'
import { isCode, maxBytes, moveFile, readSnapshot, syncFoldersOf } from '../files.ts'
import { isOurs } from '../ours.ts'
import { durableRemove, durableWrite } from '../write/durable-write.ts'
import { removeHalfWritten } from '../write/half-written.ts'
import { ensurePrivateFolder } from './private-folder.ts'

/** A folder of small JSON documents, a file each: durable when `put` returns, checked by digest and schema when read. */
export interface DocumentFolder<T> {
  /** Throws when the document is larger than a document can be read (1 MiB). */
  put(id: string, document: T): Promise<void>
  /** Null when there is none. */
  get(id: string): Promise<T | null>
  /** How many there seem to be, by their names alone. */
  count(): Promise<number>
  /** Oldest first; with `isWanted` those of these ids alone: others are read once, to learn their ids. */
  list(isWanted?: (id: string) => boolean): Promise<readonly { readonly id: string; readonly document: T }[]>
  remove(id: string): Promise<void>
  /** Renames a document out of the way: it is kept for a person, and never read again. */
  putAside(id: string): Promise<void>
  /** Names of files that were torn or foreign, and renamed out of the way. */
  readonly setAside: readonly string[]
}

const suffix = '.json'

/** Files that are open at the same time, so that a folder of many thousands opens, too. */
const mostAtOnce = 32

/** Where the documents are, and of what form. */
export interface FolderOptions {
  readonly path: string
  readonly schema: object
  /** Another process may be writing here: what is half written may be its file, and stays. */
  readonly isShared?: boolean
}

/** Opens the folder, making it 0700 where it is missing, and removes what a crash left half written. */
export async function openDocumentFolder<T>(options: FolderOptions): Promise<DocumentFolder<T>> {
  await ensurePrivateFolder(options.path)
  if (options.isShared !== true) await removeHalfWritten(options.path)
  return new JsonFolder<T>(options.path, envelopeCheck<T>(options.schema))
}

class JsonFolder<T> implements DocumentFolder<T> {
  readonly setAside: string[] = []
  readonly #path: string
  readonly #validate: EnvelopeCheck<T>
  /** By the name of the file, which is made of the id: another one never comes to be called so. */
  #ids: ReadonlyMap<string, string> = new Map()
  #last = 0

  constructor(path: string, validate: EnvelopeCheck<T>) {
    this.#path = path
    this.#validate = validate
  }

  async put(id: string, document: T): Promise<void> {
    const known = await this.#read(fileName(id))
    this.#last = Math.max(Date.now(), this.#last + 1)
    const envelope: Envelope<T> = { v: 1, id, since: known?.since ?? this.#last, document }
    const bytes = sealEnvelope(envelope)
    if (bytes.length > maxBytes) throw new Error(`the document is larger than ${maxBytes} bytes`)
    await durableWrite(join(this.#path, fileName(id)), bytes)
  }

  async get(id: string): Promise<T | null> {
    return (await this.#read(fileName(id)))?.document ?? null
  }

  async count(): Promise<number> {
    return (await this.#names()).length
  }

  async #names(): Promise<readonly string[]> {
    return (await readdir(this.#path)).filter((name) => name.endsWith(suffix) && !name.startsWith('.'))
  }

  async list(isWanted: (id: string) => boolean = () => true): ReturnType<DocumentFolder<T>['list']> {
    const names = await this.#names()
    const ids = new Map<string, string>()
    const unread = names.filter((name) => {
      const id = this.#ids.get(name)
      if (id === undefined || isWanted(id)) return true
      ids.set(name, id)
      return false
    })
    const envelopes: Envelope<T>[] = []
    for (let index = 0; index < unread.length; index += mostAtOnce) {
      const read = await Promise.all(unread.slice(index, index + mostAtOnce).map((name) => this.#read(name)))
      envelopes.push(...read.filter((envelope) => envelope !== null))
    }
    for (const { id } of envelopes) ids.set(fileName(id), id)
    this.#ids = ids
    return envelopes
      .filter(({ id }) => isWanted(id))
      .toSorted((one, other) => one.since - other.since)
      .map(({ id, document }) => ({ id, document }))
  }

  async remove(id: string): Promise<void> {
    await durableRemove(join(this.#path, fileName(id)))
  }

  async putAside(id: string): Promise<void> {
    const name = fileName(id)
    await moveFile(join(this.#path, name), join(this.#path, `${name}.aside`))
    await syncFoldersOf([join(this.#path, name)])
    this.setAside.push(name)
  }

  async #read(name: string): Promise<Envelope<T> | null> {
    const path = join(this.#path, name)
    const bytes = await readDocument(path)
    if (bytes === null) return null
    const envelope = openEnvelope(bytes)
    if (this.#validate(envelope) && fileName(envelope.id) === name) return envelope
    await moveFile(path, `${path}.aside`).catch(() => {})
    if (!this.setAside.includes(name)) this.setAside.push(name)
    return null
  }
}

/** Null when there is none, empty when it is no document of ours: a link, a folder, a pipe, too large, of another owner or mode. */
async function readDocument(path: string): Promise<Uint8Array | null> {
  try {
    const snapshot = await readSnapshot(path)
    if (snapshot === null) return null
    return isOurs(snapshot) && (snapshot.mode & 0o077) === 0 ? snapshot.bytes : new Uint8Array()
  } catch (error) {
    const isForeign = !('code' in (error as Error)) || ['ELOOP', 'ENXIO'].some((code) => isCode(error, code))
    if (!isForeign) throw error
    return new Uint8Array()
  }
}

/** Ids come from outside: one that is not plain becomes its digest. */
function fileName(id: string): string {
  const plain = /^[A-Za-z0-9_-]{1,64}$/.test(id)
  return `${plain ? id : `~${createHash('sha256').update(id).digest('hex')}`}${suffix}`
}
