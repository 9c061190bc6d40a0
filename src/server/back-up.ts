import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { WaxsealError } from '../error/waxseal-error.ts'
import { isCode, moveFile, syncFoldersOf } from '../host/file/files.ts'
import { ensurePrivateFolder, isLinkOrNoFolder } from '../host/file/folder/private-folder.ts'
import { removeTree } from '../host/file/plain-files.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { adoptFile } from '../host/file/write/adopt-file.ts'
import { durableWrite } from '../host/file/write/durable-write.ts'
import { becomeOwnerOf } from '../host/process/become-owner.ts'
import { takeDataDirectory } from './data-directory.ts'
import { holdAgents } from './operation/agent/hold-agents.ts'
import { databaseFile, openStore } from './store/open-store.ts'

/** What goes with the database: public, and needed to know which keys belong to it. */
const beside = ['ca.pem', 'audit.pem'] as const
const mostBytes = 65_536

/**
 * Writes a copy of the SQLite database of this data directory, whole at one moment, while its server runs or not: one SQLite file
 * (0600) with the certificates of the CA and of the audit trail in a table of its own. No key and no token is in it: those files are the
 * operator's.
 */
export async function backUpTo(dataDir: string, file: string): Promise<void> {
  const written = `${file}.new`
  // Readable for its owner alone from its first byte on; SQLite fills an empty file.
  await durableWrite(written, Buffer.alloc(0))
  const database = openReadOnly(join(dataDir, databaseFile))
  try {
    database.prepare('VACUUM INTO ?').run(written)
  } finally {
    database.close()
  }
  const copy = new DatabaseSync(written)
  try {
    copy.exec('CREATE TABLE kept_file (name TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT')
    for (const name of beside) {
      const content = await readBounded(join(dataDir, name), mostBytes)
      if (content !== null)
        copy.prepare('INSERT INTO kept_file VALUES (?, ?)').run(name, Buffer.from(content).toString('utf8'))
    }
  } finally {
    copy.close()
  }
  await adoptFile(written, file)
}

/** What a restore did. */
export interface Restored {
  /** How many agents are asked before anything is issued to them. */
  readonly agents: number
  /** SHA-256 of the certificates of the CA that the agents trust. */
  readonly ca: readonly string[]
}

/**
 * Puts a backup into a data directory without a database, whose server does not run. The database takes its place when all is in it
 * that has the hosts asked first. Root goes on as the user whose directory it is. CONFIG_INVALID: there is a database, or the file is
 * none; STATE_BUSY: a server runs.
 */
export async function restoreFrom(file: string, dataDir: string, now?: () => number): Promise<Restored> {
  const backup = openBackup(file)
  try {
    await becomeOwnerOf(dataDir)
    const lock = await takeDataDirectory(dataDir)
    try {
      return await restoreInto(dataDir, backup, now)
    } finally {
      lock.release()
    }
  } finally {
    backup.close()
  }
}

async function restoreInto(dataDir: string, backup: DatabaseSync, now: (() => number) | undefined): Promise<Restored> {
  const [place, working] = [join(dataDir, databaseFile), join(dataDir, 'restoring')]
  if ((await isLinkOrNoFolder(place)) || (await isLinkOrNoFolder(`${place}-wal`)))
    throw new WaxsealError('CONFIG_INVALID', {
      folder: dataDir,
      reason: 'there is a database already',
      hint: 'move it away first, or name an empty folder with --data-dir',
    })
  await removeTree(working)
  await ensurePrivateFolder(working)
  const kept = copyOut(backup, join(working, databaseFile))
  const agents = await holdIn(working, now)
  for (const [name, content] of kept) await writeMissing(join(dataDir, name), content)
  await moveFile(join(working, databaseFile), place)
  await syncFoldersOf([place])
  await removeTree(working)
  return { agents, ca: await fingerprintsOf(join(dataDir, 'ca.pem')) }
}

async function holdIn(dataDir: string, now: (() => number) | undefined): Promise<number> {
  const store = await openStore({ dataDir, now })
  try {
    return await holdAgents(store)
  } finally {
    await store.close()
  }
}

/** CONFIG_INVALID: it is no whole database of a control plane. */
function openBackup(file: string): DatabaseSync {
  const hint = 'name a file that `backup` wrote; if it did, the file is damaged: take an earlier one'
  const backup = openReadOnly(file)
  try {
    const [check] = backup.prepare('PRAGMA integrity_check(1)').all()
    const job = backup.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'job'").get()
    if (check?.['integrity_check'] === 'ok' && job !== undefined) return backup
    throw new WaxsealError('CONFIG_INVALID', { file, reason: 'it is no whole database of a control plane', hint })
  } catch (error) {
    backup.close()
    if (!isCode(error, 'ERR_SQLITE_ERROR')) throw error
    throw new WaxsealError('CONFIG_INVALID', { file, reason: (error as Error).message, hint }, { cause: error })
  }
}

/** Copies the database out of a backup, without what was kept beside it, which is returned. */
function copyOut(backup: DatabaseSync, to: string): ReadonlyMap<string, string> {
  backup.prepare('VACUUM INTO ?').run(to)
  const copy = new DatabaseSync(to)
  try {
    const isKept = copy.prepare("SELECT 1 FROM sqlite_master WHERE name = 'kept_file'").get() !== undefined
    const rows = isKept ? copy.prepare('SELECT name, content FROM kept_file').all() : []
    copy.exec('DROP TABLE IF EXISTS kept_file')
    const known = rows.filter(({ name }) => beside.some((one) => one === name))
    return new Map(known.map(({ name, content }) => [String(name), String(content)]))
  } finally {
    copy.close()
  }
}

/** CONFIG_INVALID: there is none. */
function openReadOnly(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { readOnly: true })
  } catch (error) {
    if ((error as { readonly errcode?: number }).errcode !== 14) throw error
    const hint = 'name the data directory with --data-dir, and for restore a file that `backup` wrote'
    throw new WaxsealError('CONFIG_INVALID', { file, reason: 'there is no database', hint }, { cause: error })
  }
}

/** What the operator has put there already stays. */
async function writeMissing(path: string, content: string): Promise<void> {
  if ((await readBounded(path, mostBytes)) === null) await durableWrite(path, Buffer.from(content), 0o644)
}

async function fingerprintsOf(path: string): Promise<readonly string[]> {
  const pem = Buffer.from((await readBounded(path, mostBytes)) ?? []).toString('utf8')
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block).fingerprint256)
}
