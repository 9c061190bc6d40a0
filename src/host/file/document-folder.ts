import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type SchemaCheck, schemaCheck } from '../../schema/schema-check.ts'
import { durableRemove, durableWrite } from './durable-write.ts'
import { isCode, maxBytes, moveFile, readSnapshot, removeFile, syncFoldersOf } from './files.ts'
import { ensurePrivateFolder } from './private-folder.ts'

/** A folder of small JSON documents, a file each: durable when `put` returns, schema-checked when read. */
export interface DocumentFolder<T> {
  /** Throws when the document is larger than a document can be read (1 MiB). */
  put(id: string, document: T): Promise<void>
  /** Null when there is none. */
  get(id: string): Promise<T | null>
  /** Oldest first. */
  list(): Promise<readonly { readonly id: string; readonly document: T }[]>
  remove(id: string): Promise<void>
  /** Renames a document out of the way: it is kept for a person, and never read again. */
  putAside(id: string): Promise<void>
  /** Names of files that were torn or foreign, and renamed out of the way. */
  readonly setAside: readonly string[]
}

interface Envelope<T> {
  readonly v: 1
  readonly id: string
  /** Milliseconds since 1970 of the first `put` of this id. */
  readonly since: number
  readonly document: T
}

const suffix = '.json'

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
  for (const name of options.isShared === true ? [] : await readdir(options.path)) {
    if (/^\.waxseal-[0-9a-f]{24}\.new$/.test(name)) await removeFile(join(options.path, name))
  }
  return new JsonFolder<T>(options.path, checkOf<T>(options.schema))
}

/** JSON schema of the file of a document. */
export function envelopeSchema(schema: object): object {
  return {
    type: 'object',
    required: ['v', 'id', 'since', 'document'],
    properties: { v: { const: 1 }, id: { type: 'string' }, since: { type: 'number' }, document: schema },
  }
}

const checks = new WeakMap<object, SchemaCheck<Envelope<unknown>>>()

/** One check per schema, however often its folder is opened. */
function checkOf<T>(schema: object): SchemaCheck<Envelope<T>> {
  const check = checks.get(schema) ?? schemaCheck<Envelope<unknown>>(envelopeSchema(schema))
  checks.set(schema, check)
  return check as SchemaCheck<Envelope<T>>
}

class JsonFolder<T> implements DocumentFolder<T> {
  readonly setAside: string[] = []
  readonly #path: string
  readonly #validate: SchemaCheck<Envelope<T>>
  #last = 0

  constructor(path: string, validate: SchemaCheck<Envelope<T>>) {
    this.#path = path
    this.#validate = validate
  }

  async put(id: string, document: T): Promise<void> {
    const known = await this.#read(fileName(id))
    this.#last = Math.max(Date.now(), this.#last + 1)
    const envelope: Envelope<T> = { v: 1, id, since: known?.since ?? this.#last, document }
    const bytes = Buffer.from(`${JSON.stringify(envelope)}\n`)
    if (bytes.length > maxBytes) throw new Error(`the document is larger than ${maxBytes} bytes`)
    await durableWrite(join(this.#path, fileName(id)), bytes)
  }

  async get(id: string): Promise<T | null> {
    return (await this.#read(fileName(id)))?.document ?? null
  }

  async list(): Promise<readonly { readonly id: string; readonly document: T }[]> {
    const names = (await readdir(this.#path)).filter((name) => name.endsWith(suffix) && !name.startsWith('.'))
    const envelopes = await Promise.all(names.map((name) => this.#read(name)))
    return envelopes
      .filter((envelope) => envelope !== null)
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
    const envelope = parseJson(bytes)
    if (this.#validate(envelope) && fileName(envelope.id) === name) return envelope
    await moveFile(path, `${path}.aside`).catch(() => {})
    if (!this.setAside.includes(name)) this.setAside.push(name)
    return null
  }
}

/** Null when there is none, empty when it is no document: a link, a folder, a pipe, too large. */
async function readDocument(path: string): Promise<Uint8Array | null> {
  try {
    return (await readSnapshot(path))?.bytes ?? null
  } catch (error) {
    const isForeign = !('code' in (error as Error)) || ['ELOOP', 'ENXIO'].some((code) => isCode(error, code))
    if (!isForeign) throw error
    return new Uint8Array()
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return null
  }
}

/** Ids come from outside: one that is not plain becomes its digest. */
function fileName(id: string): string {
  const plain = /^[A-Za-z0-9_-]{1,64}$/.test(id)
  return `${plain ? id : `~${createHash('sha256').update(id).digest('hex')}`}${suffix}`
}
