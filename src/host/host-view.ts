import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, normalize } from 'node:path'
import type { HostView } from '../connector/connector.ts'
import { runCommand } from './command.ts'
import { readPassword } from './host-password.ts'
import { readBounded } from './read-bounded.ts'
import { resolveUser } from './users.ts'

const maxBytes = 1024 * 1024

/** What connectors may see of this host: reads only. */
export function createHostView(timeoutMs: number, passwordDir: () => string): HostView {
  return {
    readFile: async (path) => ((await isFile(path)) ? readBounded(path, maxBytes) : null),
    exists: isFile,
    identity,
    mode: (path) =>
      stat(path).then(
        ({ mode }) => mode & 0o7777,
        () => null,
      ),
    user: (name) => resolveUser(name),
    password: (name) => readPassword(passwordDir(), name),
    run: async (command) => {
      const { exitCode, stdout, output } = await runCommand(command, { timeoutMs })
      return { exitCode, stdout, output, isMissing: exitCode === null && output.includes('ENOENT') }
    },
  }
}

/** The path with its links resolved; of what is not there, as far as there is something. */
async function identity(path: string): Promise<string> {
  const clean = normalize(path)
  const real = await realpath(clean).catch(() => null)
  if (real !== null || clean === '/') return real ?? clean
  return join(await identity(dirname(clean)), basename(clean))
}

/** A FIFO would keep a reader waiting for ever. */
function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  )
}
