import { readSnapshot } from '../../host/file/files.ts'
import type { Archive } from '../../journal/archive.ts'
import type { DeploymentRecord, DeploymentRecords } from '../../journal/deployment-record.ts'
import type { KeyStore } from '../../material/key-store.ts'
import { findPrivateKey, type PrivateKey } from '../../material/parse-key.ts'

/** Where a key may be that this host had. */
export interface HeldKeys {
  readonly keys: Pick<KeyStore, 'find' | 'keep'>
  readonly records: Pick<DeploymentRecords, 'list'>
  readonly archive: Pick<Archive, 'list'>
}

/**
 * A key by its SPKI digest, in the key store when this returns; null: it is nowhere. A state directory that was put back may lack it: then it
 * is looked for in the kept pairs and the live files of targets that share a name with these, and of no other: a job could
 * have a key of somebody else's used. `isOwn`: the certificate had it.
 */
export async function findHeldKey(
  spkiSha256: string,
  { names, isOwn }: { readonly names: readonly string[]; readonly isOwn: boolean },
  { keys, records, archive }: HeldKeys,
): Promise<PrivateKey | null> {
  const related = (await records.list()).map(({ document }) => document).filter((record) => sharesName(record, names))
  const isLive = related.some(({ certificate }) => certificate.spkiSha256 === spkiSha256)
  const stored = isOwn || isLive ? await keys.find(spkiSha256) : null
  const inStore = stored === null ? null : keyIn(stored, spkiSha256)
  if (inStore !== null) return inStore
  for (const record of related) {
    const found = (await inArchive(record, spkiSha256, archive)) ?? (await inFiles(record, spkiSha256))
    if (found === null) continue
    await keys.keep(found)
    return found
  }
  return null
}

function sharesName({ certificate }: DeploymentRecord, names: readonly string[]): boolean {
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  return certificate.names.some((name) => wanted.has(name.toLowerCase()))
}

async function inArchive(
  { target }: DeploymentRecord,
  spkiSha256: string,
  archive: HeldKeys['archive'],
): Promise<PrivateKey | null> {
  const pairs = await archive.list(target)
  return pairs.map(({ keyPem }) => keyIn(keyPem, spkiSha256)).find((key) => key !== null) ?? null
}

async function inFiles({ files }: DeploymentRecord, spkiSha256: string): Promise<PrivateKey | null> {
  for (const { path } of files.filter(({ role }) => role === 'key' || role === 'bundle')) {
    const live = await readSnapshot(path).catch(() => null)
    const found = live === null ? null : keyIn(Buffer.from(live.bytes).toString('latin1'), spkiSha256)
    if (found !== null) return found
  }
  return null
}

function keyIn(pem: string, spkiSha256: string): PrivateKey | null {
  try {
    const key = findPrivateKey(pem, spkiSha256)
    return key.spkiSha256 === spkiSha256 ? key : null
  } catch {
    return null
  }
}
