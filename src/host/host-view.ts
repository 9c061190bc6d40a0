import { stat } from 'node:fs/promises'
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
    mode: (path) =>
      stat(path).then(
        ({ mode }) => mode & 0o7777,
        () => null,
      ),
    user: (name) => resolveUser(name),
    password: (name) => readPassword(passwordDir(), name),
    run: async (command) => {
      const { exitCode, stdout } = await runCommand(command, { timeoutMs })
      return { exitCode, stdout }
    },
  }
}

/** A FIFO would keep a reader waiting for ever. */
function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  )
}
