import { readdir, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { HostView, ReadOutput } from '../connector/host-view.ts'
import type { Command } from '../plan/plan.ts'
import { readBounded } from './file/read-bounded.ts'
import { runCommand } from './process/command.ts'
import { readPassword } from './process/host-password.ts'
import { rememberAnswers } from './process/remember-answers.ts'
import { resolveUser } from './users.ts'

const maxBytes = 1024 * 1024

/** What connectors may see of this host: reads only. */
export function createHostView(timeoutMs: number, passwordDir: () => string): HostView {
  const run = async (command: Command): Promise<ReadOutput> => {
    const { exitCode, stdout, output } = await runCommand(command, { timeoutMs })
    return { exitCode, stdout, output, isMissing: exitCode === null && output.includes('ENOENT') }
  }
  const remembering = rememberAnswers(run)
  return {
    readFile: async (path) => ((await isFile(path)) ? readBounded(path, maxBytes) : null),
    exists: isFile,
    list,
    identity,
    inode,
    mode: (path) =>
      stat(path).then(
        ({ mode }) => mode & 0o7777,
        () => null,
      ),
    user: (name) => resolveUser(name),
    password: (name) => readPassword(passwordDir(), name),
    run: (command, reads) => (reads === undefined ? run(command) : remembering(command, reads)),
  }
}

const mostNames = 10_000

function list(path: string): Promise<readonly string[] | null> {
  return readdir(path).then(
    (names) => names.toSorted().slice(0, mostNames),
    () => null,
  )
}

/**
 * The folder by device and inode, and the name in it: that is what a rename replaces. A file has no identity of its own here, for
 * it may have several names (hard links, a bind mount of the file alone), and a rename replaces one.
 */
async function identity(path: string): Promise<string> {
  // By no folder of ours: a relative path is one of the daemon's.
  if (!path.startsWith('/') || path.length > longestPath) return path
  const real = await resolve(path, { links: mostLinks })
  const folder = await inode(dirname(real))
  return folder === null ? real : `${folder}/${basename(real)}`
}

function inode(path: string): Promise<string | null> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => null,
  )
}

/** PATH_MAX and the most links of one look-up; path_resolution(7). */
const longestPath = 4096
const mostLinks = 40

/** As the kernel resolves it, `..` after a link included; of what is not there, as far as there is something. */
async function resolve(path: string, left: { links: number }): Promise<string> {
  const real = await realpath(path).catch(() => null)
  if (real !== null || path === '/') return real ?? path
  const name = basename(path)
  const folder = await resolve(dirname(path), left)
  if (name === '.' || name === '..') return name === '.' ? folder : dirname(folder)
  const link = await readlink(join(folder, name)).catch(() => null)
  if (link === null || left.links === 0) return join(folder, name)
  left.links -= 1
  return resolve(link.startsWith('/') ? link : `${folder}/${link}`, left)
}

/** A FIFO would keep a reader waiting for ever. */
function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  )
}
