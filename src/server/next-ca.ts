import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { tryLock } from '../host/file/file-lock.ts'
import { isFolder } from '../host/file/folder/private-folder.ts'
import { becomeOwnerOf } from '../host/process/become-owner.ts'
import { addRoot, dropEnded, type Root, readRoots } from './authority/roots.ts'
import { signingAt, signsFrom } from './authority/which-root.ts'

/** A CA of a folder. Times are RFC 3339, UTC. */
export interface CaState {
  /** The name of its CRL. */
  readonly id: string
  /** Of the certificate, hex. */
  readonly sha256: string
  readonly not_after: string
  /** When it takes the place of the one before; null: it is the first one. */
  readonly signs_from: string | null
  readonly state: 'signs' | 'next' | 'former' | 'ended'
}

/** The CAs of a folder that can sign, oldest first. CA_MISSING: there is none. */
export async function showCas(folder: string, at: number): Promise<readonly CaState[]> {
  const roots = await rootsIn(folder)
  const signs = roots.findIndex((root) => root === signingAt(roots, at))
  const timeOf = (ms: number): string => new Date(ms).toISOString()
  return roots.map((root, place) => {
    const before = roots[place - 1]
    return {
      id: root.id,
      sha256: createHash('sha256').update(new Uint8Array(root.certificate.rawData)).digest('hex'),
      not_after: timeOf(root.notAfter),
      signs_from: before === undefined ? null : timeOf(signsFrom(before, root)),
      state: stateOf(root.notAfter <= at, place - signs),
    }
  })
}

/** `behind`: how many places behind the one that signs. */
function stateOf(isOver: boolean, behind: number): CaState['state'] {
  if (isOver) return 'ended'
  if (behind === 0) return 'signs'
  return behind > 0 ? 'next' : 'former'
}

/**
 * Makes the CA that comes after the present one, into the files of the folder, whose owners and modes stay. Servers sign with it at
 * the same moment, whenever they get it before. CONFIG_INVALID: it is there already; STATE_BUSY: a server runs whose data directory
 * this is, and makes it by itself.
 */
export function makeNextCa(folder: string, at: number): Promise<readonly CaState[]> {
  return alone(folder, async () => {
    const cas = await showCas(folder, at)
    const next = cas.find(({ state }) => state === 'next')
    if (next !== undefined)
      throw new WaxsealError('CONFIG_INVALID', {
        folder,
        reason: 'the next CA is there already',
        id: next.id,
        signsFrom: next.signs_from,
      })
    await addRoot(folder, at)
    return showCas(folder, at)
  })
}

/** Drops the CAs that have ended from both files. CONFIG_INVALID: none has. */
export function retireCas(folder: string, at: number): Promise<readonly CaState[]> {
  return alone(folder, async () => {
    const [oldest] = await showCas(folder, at)
    if ((await dropEnded(folder, at)) === 0) {
      const reason = 'no CA has ended that another has followed'
      throw new WaxsealError('CONFIG_INVALID', { folder, reason, ends: oldest?.not_after ?? null })
    }
    return showCas(folder, at)
  })
}

async function rootsIn(folder: string): Promise<readonly Root[]> {
  const { signing } = await readRoots(folder)
  if (signing.length > 0) return signing
  const hint = 'name the folder with ca.pem and ca.key (P-256, PKCS#8) with --ca-dir'
  throw new WaxsealError('CA_MISSING', { folder, hint })
}

/** Of two at once each would lose what the other has made. Root goes on as the user whose folder it is. */
async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (!(await isFolder(folder))) await rootsIn(folder)
  await becomeOwnerOf(folder)
  const lock = tryLock(join(folder, 'lock.db'))
  if (lock === null) {
    const hint =
      'a control plane runs on this data directory: stop it, or name a copy of ca.pem and ca.key with --ca-dir'
    throw new WaxsealError('STATE_BUSY', { folder, hint })
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}
