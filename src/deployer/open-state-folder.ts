import { join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { ensurePrivateFolder, isLinkOrNoFolder } from '../host/file/folder/private-folder.ts'
import { foreignOnTheWayTo } from '../host/file/ours.ts'
import { setAsideForeign } from '../host/file/write/set-aside.ts'

const folders = [
  'journal',
  'deployments',
  'archive',
  'inbox',
  'outbox',
  'dead',
  'requests',
  'keys',
  'reloads',
  'certificates',
  'courier',
  'orders',
  'discovered',
  'rollbacks',
]
const locks = ['agent.lock', 'deploy.lock', 'rollback.lock', 'view.lock']
/** What SQLite looks for beside a database, and would open. */
const besideLocks = ['-journal', '-wal', '-shm']
const files = [
  ...locks.flatMap((lock) => [lock, ...besideLocks.map((suffix) => `${lock}${suffix}`)]),
  'history.jsonl',
  'history.jsonl.1',
  'reserve',
]

/**
 * Makes the state folder where it is missing. CONFIG_INVALID, with the command that mends it: another user can change it, a folder
 * above it or one in it. What is none of ours in the place of a file is set aside; nothing is followed or opened.
 */
export async function openStateFolder(stateDir: string): Promise<void> {
  await requireOurs(stateDir)
  await ensurePrivateFolder(stateDir)
  // What was missing a moment ago somebody else may have made.
  for (const path of [stateDir, ...folders.map((name) => join(stateDir, name))]) await requireOurs(path)
  for (const name of folders) {
    const path = join(stateDir, name)
    if (await isLinkOrNoFolder(path)) throw invalid(path, `${path} is no folder`, `mv ${path} ${path}.aside`)
  }
  for (const name of files) await setAsideForeign(join(stateDir, name))
}

async function requireOurs(path: string): Promise<void> {
  const foreign = await foreignOnTheWayTo(path)
  if (foreign !== null) throw invalid(path, foreign.reason, foreign.fix)
}

function invalid(file: string, reason: string, fix: string): WaxsealError {
  const hint = `Look at what is in it, then run: ${fix}`
  return new WaxsealError('CONFIG_INVALID', { file, path: 'state_dir', reason, hint })
}
