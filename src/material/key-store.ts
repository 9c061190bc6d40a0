import { join } from 'node:path'
import { listFiles, readSnapshot } from '../host/file/files.ts'
import { ensurePrivateFolder } from '../host/file/folder/private-folder.ts'
import { durableCreate, durableRemove } from '../host/file/write/durable-write.ts'
import { limits } from '../limit/limits.ts'
import { requireRoomFor } from '../limit/within.ts'
import type { KeyKind } from '../plan/key-kind.ts'
import { makeKey } from './make-key.ts'
import { type PrivateKey, parsePrivateKey } from './parse-key.ts'

/** Which keys are in use, by SPKI digest: asked where it has to be known. */
export type Used = () => Promise<ReadonlySet<string>>

/** The keys that this host made: a file each (0600 below 0700), named by its SPKI digest; none is ever overwritten. */
export interface KeyStore {
  /**
   * Makes a key; it is durable on return. Where there are too many, the oldest of those that are not in use goes, by SPKI
   * digest. LIMIT_EXCEEDED: all are in use or young, or there are too many of this day.
   */
  create(used: Used, kind?: KeyKind): Promise<PrivateKey>
  /** Keeps a key of this host that is no more in the store; it is durable on return. */
  keep(key: PrivateKey): Promise<void>
  /** Removes keys that were made over 30 days ago and are not in use, the oldest first, 100 at most. */
  prune(used: Used): Promise<void>
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
    create: async (used, kind = 'p256') => {
      await makeRoom(path, used)
      const key = parsePrivateKey(await makeKey(kind))
      await durableCreate(fileOf(key.spkiSha256), Buffer.from(key.keyPem))
      return key
    },
    keep: ({ spkiSha256, keyPem }) => durableCreate(fileOf(spkiSha256), Buffer.from(keyPem)),
    prune: async (used) => {
      await removeUnused(path, await keyFilesIn(path), unneededMs, used)
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

/** A certificate that was asked for may come, and be deployed, within this time; a full store waits no longer. */
const unusedMs = 14 * dayMs
/** Roll-outs take their time, and a record of before there were keyrings names no key that only waits. */
const unneededMs = 30 * dayMs
/** What is used is asked once for so many. */
const mostRemoved = 100

type KeyFile = Awaited<ReturnType<typeof listFiles>>[number]

async function keyFilesIn(path: string): Promise<readonly KeyFile[]> {
  return (await listFiles(path)).filter(({ name }) => name.endsWith('.pem'))
}

/** The files themselves say when they were made: a restart forgets nothing. */
function age({ modified }: KeyFile): number {
  return Date.now() - Number(modified)
}

async function makeRoom(path: string, used: Used): Promise<void> {
  const files = await keyFilesIn(path)
  requireRoomFor('keysPerDay', files.filter((file) => age(file) < dayMs).length)
  if (files.length < limits.keysKept.most) return
  requireRoomFor('keysKept', files.length - (await removeUnused(path, files, unusedMs, used)))
}

/** Returns how many were removed. */
async function removeUnused(path: string, files: readonly KeyFile[], leastMs: number, used: Used): Promise<number> {
  const old = files.filter((file) => age(file) > leastMs)
  if (old.length === 0) return 0
  const inUse = await used()
  const unused = old.filter(({ name }) => !inUse.has(name.slice(0, -'.pem'.length)))
  const oldest = unused.toSorted((one, other) => age(other) - age(one)).slice(0, mostRemoved)
  for (const { name } of oldest) await durableRemove(join(path, name))
  return oldest.length
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
