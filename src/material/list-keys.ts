import { join } from 'node:path'
import { listFiles, readSnapshot } from '../host/file/files.ts'
import type { KeyKind } from '../plan/key-kind.ts'
import { parsePrivateKey } from './parse-key.ts'

/** A key of the key store, without its bytes. */
export interface KeptKey {
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex, as the name of its file says. */
  readonly spkiSha256: string
  /** RFC 3339, UTC. */
  readonly created: string
  /** Null: it cannot be read, or is of none that this host makes. */
  readonly kind: KeyKind | null
  /** Why it is of no use, in a sentence; null: it is well. */
  readonly problem: string | null
}

/** The keys of the store below `path`, oldest first. Makes and changes nothing; a missing store has none. */
export async function listKeys(path: string): Promise<readonly KeptKey[]> {
  const files = (await listFiles(path)).filter(({ name }) => /^[0-9a-f]{64}\.pem$/.test(name))
  const keys = await Promise.all(
    files.map(async ({ name, modified }) => {
      const spkiSha256 = name.slice(0, 64)
      return { spkiSha256, created: modified.toISOString(), ...(await factsOf(join(path, name), spkiSha256)) }
    }),
  )
  return keys.toSorted((one, other) => one.created.localeCompare(other.created))
}

async function factsOf(path: string, spkiSha256: string): Promise<Pick<KeptKey, 'kind' | 'problem'>> {
  try {
    const snapshot = await readSnapshot(path)
    if (snapshot === null) return { kind: null, problem: 'The file is gone.' }
    const key = parsePrivateKey(Buffer.from(snapshot.bytes).toString('latin1'))
    if (key.spkiSha256 !== spkiSha256) return { kind: null, problem: 'The file holds another key than its name says.' }
    return { kind: key.kind, problem: (snapshot.mode & 0o077) === 0 ? null : `Others may read it: chmod 600 ${path}` }
  } catch {
    return { kind: null, problem: 'The file holds no key that can be read.' }
  }
}
