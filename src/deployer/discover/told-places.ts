import type { Place } from '../../documents/discovery.ts'
import { type DocumentFolder, openDocumentFolder } from '../../host/file/folder/document-folder.ts'

/** When it was told of a certificate, in milliseconds since 1970, by the key of its place. */
export type Told = ReadonlyMap<string, Place & { readonly at: number }>

/** What a control plane was told of. */
export interface ToldPlaces {
  read(listener: string): Promise<Told>
  /** Durable when it returns. What does not fit is not kept, and is told again. */
  note(listener: string, told: readonly Place[], gone: readonly Place[], at: number): Promise<void>
}

interface Shelf {
  readonly listener: string
  readonly told: readonly (readonly [sha256: string, path: string, at: number])[]
}

/** A shelf is written as a whole: by the first digit of the digest. */
const shelves = '0123456789abcdef'
/** Documents have 1 MiB at most. */
const mostCharacters = 900_000

/** Names a place. */
export function keyOf({ sha256, path }: Place): string {
  return `${sha256} ${path}`
}

/** Below the state directory. It is opened when it is first asked, for most starts have another purpose. No other process may write there. */
export function openToldPlaces(path: string): ToldPlaces {
  let opening: Promise<DocumentFolder<Shelf>> | null = null
  const folder = (): Promise<DocumentFolder<Shelf>> => {
    opening ??= openDocumentFolder<Shelf>({ path, schema: shelfSchema })
    return opening
  }
  const read = async (listener: string, shelf: string): Promise<Shelf['told']> => {
    const kept = await (await folder()).get(shelf)
    return kept?.listener === listener ? kept.told : []
  }
  return {
    read: async (listener) => {
      const all: (readonly [string, Place & { readonly at: number }])[] = []
      for (const shelf of shelves)
        for (const [sha256, file, at] of await read(listener, shelf))
          all.push([keyOf({ sha256, path: file }), { sha256, path: file, at }])
      return new Map(all)
    },
    note: async (listener, told, gone, at) => {
      for (const shelf of shelves) {
        const isHere = ({ sha256 }: Place): boolean => sha256.startsWith(shelf)
        if (![...told, ...gone].some(isHere)) continue
        const now = new Map((await read(listener, shelf)).map((row) => [keyOf({ sha256: row[0], path: row[1] }), row]))
        for (const place of gone.filter(isHere)) now.delete(keyOf(place))
        for (const place of told.filter(isHere)) now.set(keyOf(place), [place.sha256, place.path, at])
        await (await folder()).put(shelf, { listener, told: fitting([...now.values()]) })
      }
    },
  }
}

function fitting(rows: Shelf['told']): Shelf['told'] {
  let left = mostCharacters
  return rows.filter((row) => {
    left -= Buffer.byteLength(JSON.stringify(row)) + 1
    return left >= 0
  })
}

/** JSON schema of a shelf. */
export const shelfSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listener', 'told'],
  properties: {
    listener: { type: 'string' },
    told: {
      type: 'array',
      items: {
        type: 'array',
        minItems: 3,
        maxItems: 3,
        items: [{ type: 'string', pattern: '^[0-9a-f]{64}$' }, { type: 'string' }, { type: 'number' }],
      },
    },
  },
} as const
