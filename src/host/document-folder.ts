import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { durableRemove, durableWrite } from './durable-write.ts'
import { moveFile, readSnapshot, removeFile } from './files.ts'
import { ensurePrivateFolder } from './private-folder.ts'

/** A folder of small JSON documents, a file each: durable when `put` returns, schema-checked when read. */
export interface DocumentFolder<T> {
  put(id: string, document: T): Promise<void>
  /** Null when there is none. */
  get(id: string): Promise<T | null>
  /** Oldest first. */
  list(): Promise<readonly { readonly id: string; readonly document: T }[]>
  remove(id: string): Promise<void>
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

/** Opens the folder, making it 0700 where it is missing, and removes what a crash left half written. */
export async function openDocumentFolder<T>(options: {
  readonly path: string
  readonly schema: object
}): Promise<DocumentFolder<T>> {
  await ensurePrivateFolder(options.path)
  for (const name of await readdir(options.path)) {
    if (/^\.waxseal-[0-9a-f]{24}\.new$/.test(name)) await removeFile(join(options.path, name))
  }
  return new JsonFolder<T>(options.path, compile<T>(options.schema))
}

function compile<T>(schema: object): ValidateFunction<Envelope<T>> {
  return new Ajv({ allowUnionTypes: true }).compile<Envelope<T>>({
    type: 'object',
    required: ['v', 'id', 'since', 'document'],
    properties: { v: { const: 1 }, id: { type: 'string' }, since: { type: 'number' }, document: schema },
  })
}

class JsonFolder<T> implements DocumentFolder<T> {
  readonly setAside: string[] = []
  readonly #path: string
  readonly #validate: ValidateFunction<Envelope<T>>
  #last = 0

  constructor(path: string, validate: ValidateFunction<Envelope<T>>) {
    this.#path = path
    this.#validate = validate
  }

  async put(id: string, document: T): Promise<void> {
    const known = await this.#read(fileName(id))
    this.#last = Math.max(Date.now(), this.#last + 1)
    const envelope: Envelope<T> = { v: 1, id, since: known?.since ?? this.#last, document }
    await durableWrite(join(this.#path, fileName(id)), Buffer.from(`${JSON.stringify(envelope)}\n`))
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

  async #read(name: string): Promise<Envelope<T> | null> {
    const path = join(this.#path, name)
    const snapshot = await readSnapshot(path)
    if (snapshot === null) return null
    const envelope = parseJson(snapshot.bytes)
    if (this.#validate(envelope) && fileName(envelope.id) === name) return envelope
    await moveFile(path, `${path}.aside`)
    this.setAside.push(name)
    return null
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
