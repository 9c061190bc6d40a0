import { openDocumentFolder } from '../host/file/folder/document-folder.ts'

/** One pair that was live on a target, with all that it takes to deploy it again. Holds a private key: 0600 below 0700. */
export interface ArchivedPair {
  readonly target: string
  /** Counts up by one per deployment of the target, from 1. */
  readonly generation: number
  /** RFC 3339, UTC. */
  readonly deployed: string
  readonly connector: string
  /** The target's configuration as it came. */
  readonly config: unknown
  /** Leaf and chain, PEM. */
  readonly certificatePem: string
  readonly keyPem: string
  /** SHA-256 of the leaf. */
  readonly sha256: string
}

/** The pairs that were live, per target. */
export interface Archive {
  /** Newest first. */
  list(target: string): Promise<readonly ArchivedPair[]>
  /** Every target that has a pair. */
  targets(): Promise<readonly string[]>
  /**
   * Keeps the pair as the newest, unless its leaf is the newest already, and at most `retention` older ones; negative:
   * none at all.
   */
  keep(pair: Omit<ArchivedPair, 'generation'>, retention: number): Promise<void>
  /** Removes all pairs of a target; returns how many. */
  forget(target: string): Promise<number>
}

/** Opens the archive below the state directory. */
export async function openArchive(path: string, isShared = false): Promise<Archive> {
  const folder = await openDocumentFolder<ArchivedPair>({ path, schema: archivedPairSchema, isShared })
  const list = async (target: string): Promise<readonly ArchivedPair[]> =>
    (await folder.list((id) => id.startsWith(`${target}/`)))
      .map(({ document }) => document)
      .filter((pair) => pair.target === target)
      .toSorted((one, other) => other.generation - one.generation)
  return {
    list,
    targets: async () => [...new Set((await folder.list()).map(({ document }) => document.target))],
    keep: async (pair, retention) => {
      const kept = await list(pair.target)
      const newest = kept[0]?.generation ?? 0
      const isKept = kept[0]?.sha256 === pair.sha256
      if (retention >= 0 && !isKept)
        await folder.put(idOf(pair.target, newest + 1), { ...pair, generation: newest + 1 })
      for (const { target, generation } of kept.slice(retention < 0 ? 0 : retention + (isKept ? 1 : 0)))
        await folder.remove(idOf(target, generation))
    },
    forget: async (target) => {
      const kept = await list(target)
      for (const { generation } of kept) await folder.remove(idOf(target, generation))
      return kept.length
    },
  }
}

function idOf(target: string, generation: number): string {
  return `${target}/${generation}`
}

const text = { type: 'string' } as const

const archivedPairSchema = {
  type: 'object',
  required: ['target', 'generation', 'deployed', 'connector', 'config', 'certificatePem', 'keyPem', 'sha256'],
  properties: {
    target: text,
    generation: { type: 'integer', minimum: 1 },
    deployed: text,
    connector: text,
    config: {},
    certificatePem: text,
    keyPem: text,
    sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
} as const
