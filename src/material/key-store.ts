import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { listFiles, readSnapshot } from '../host/file/files.ts'
import { ensurePrivateFolder } from '../host/file/folder/private-folder.ts'
import { durableCreate, durableRemove } from '../host/file/write/durable-write.ts'
import { limits } from '../limit/limits.ts'
import { requireRoomFor } from '../limit/within.ts'
import { type PrivateKey, parsePrivateKey } from './parse-key.ts'

/** The keys that this host made: a file each (0600 below 0700), named by its SPKI digest; none is ever overwritten. */
export interface KeyStore {
  /**
   * Makes an ECDSA P-256 key; it is durable on return. Where there are too many, the oldest of those that are not in use goes, by SPKI
   * digest. LIMIT_EXCEEDED: all are in use or young, or there are too many of this day.
   */
  create(used: () => Promise<ReadonlySet<string>>): Promise<PrivateKey>
  /** The PKCS#8 PEM of the key with this SPKI digest; null: this host has none, or its file is not what it says. */
  find(spkiSha256: string): Promise<string | null>
}

/**
 * Opens the key store, making its folder where it is missing. `foreign`: the folder of the agent before this one, whose keys
 * are found, too; nothing is made or changed there.
 */
export async function openKeyStore(path: string, foreign: string | null = null): Promise<KeyStore> {
  await ensurePrivateFolder(path)
  const fileOf = (spkiSha256: string): string => join(path, `${spkiSha256}.pem`)
  return {
    create: async (used) => {
      await makeRoom(path, used)
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const key = parsePrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
      await durableCreate(fileOf(key.spkiSha256), Buffer.from(key.keyPem))
      return key
    },
    find: async (spkiSha256) => {
      if (!/^[0-9a-f]{64}$/.test(spkiSha256)) return null
      const snapshot = await readSnapshot(fileOf(spkiSha256))
      const own = snapshot === null ? null : readKey(snapshot.bytes, spkiSha256)
      return own ?? (foreign === null ? null : findForeign(foreign, spkiSha256))
    },
  }
}

const dayMs = 86_400_000

/** A certificate that was asked for may come, and be deployed, within this time. */
const unusedMs = 14 * dayMs
/** What is used is asked once for so many. */
const mostRemoved = 100

/** The files themselves say when they were made: a restart forgets nothing. */
async function makeRoom(path: string, used: () => Promise<ReadonlySet<string>>): Promise<void> {
  const files = (await listFiles(path)).filter(({ name }) => name.endsWith('.pem'))
  const age = ({ modified }: (typeof files)[number]): number => Date.now() - Number(modified)
  requireRoomFor('keysPerDay', files.filter((file) => age(file) < dayMs).length)
  if (files.length < limits.keysKept.most) return
  const inUse = await used()
  const old = files.filter((file) => age(file) > unusedMs && !inUse.has(file.name.slice(0, -'.pem'.length)))
  const oldest = old.toSorted((one, other) => age(other) - age(one)).slice(0, mostRemoved)
  for (const { name } of oldest) await durableRemove(join(path, name))
  requireRoomFor('keysKept', files.length - oldest.length)
}

const mostForeign = 10_000

/** Its files are called by their certificates: which has this key, only their contents say. The newest is looked at first. */
async function findForeign(folder: string, spkiSha256: string): Promise<string | null> {
  const files = (await listFiles(folder)).filter(({ name }) => /\.(key|pem)$/.test(name))
  for (const { name } of files
    .toSorted((one, other) => Number(other.modified) - Number(one.modified))
    .slice(0, mostForeign)) {
    const snapshot = await readSnapshot(join(folder, name)).catch(() => null)
    const key = snapshot === null ? null : readKey(snapshot.bytes, spkiSha256)
    if (key !== null) return key
  }
  return null
}

function readKey(bytes: Uint8Array, spkiSha256: string): string | null {
  try {
    const key = parsePrivateKey(Buffer.from(bytes).toString('latin1'))
    return key.spkiSha256 === spkiSha256 ? key.keyPem : null
  } catch {
    return null
  }
}
