import type { HostView } from '../connector/connector.ts'
import { runCommand } from './command.ts'
import { readBounded } from './read-bounded.ts'
import { resolveUser } from './users.ts'

const maxBytes = 1024 * 1024

/** What connectors may see of this host: reads only. */
export function createHostView(timeoutMs: number): HostView {
  return {
    readFile: (path) => readBounded(path, maxBytes),
    exists: async (path) => (await readBounded(path, maxBytes)) !== null,
    user: (name) => resolveUser(name),
    run: async (command) => {
      const { exitCode, stdout } = await runCommand(command, { timeoutMs })
      return { exitCode, stdout }
    },
  }
}
