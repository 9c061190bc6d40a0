import type { HostView } from '../../../src/connector/host-view.ts'
import { isUnwired, type Unwired, type Wiring } from '../../../src/connector/wiring/wiring.ts'

/** A file of a recorded host. */
interface RecordedFile {
  readonly text: string
  readonly mode: number
}

/** A host that has an IPv6 loopback address, as the kernel lists it. */
export const ipv6Loopback: Readonly<Record<string, RecordedFile>> = {
  '/proc/self/net/if_inet6': {
    text: 'fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\n',
    mode: 0o444,
  },
}

/** A host whose commands answer what was recorded of them, by their line; any other fails. */
export function recordedHost(
  outputs: Readonly<Record<string, string>>,
  files: Readonly<Record<string, RecordedFile>> = {},
): HostView {
  return {
    readFile: async (path) => {
      const file = files[path]
      return file === undefined ? null : new TextEncoder().encode(file.text)
    },
    exists: async (path) => path in files,
    list: async (folder) => {
      const names = Object.keys(files).flatMap((path) =>
        path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1).replace(/\/.*/, '')] : [],
      )
      return names.length === 0 ? null : [...new Set(names)].toSorted()
    },
    identity: async (path) => path,
    inode: async () => null,
    mode: async (path) => files[path]?.mode ?? null,
    user: async () => null,
    password: async () => ({ reason: 'it was not recorded' }),
    run: async (command) => {
      const stdout = outputs[command.join(' ')]
      const rest = { output: '', isMissing: false }
      return stdout === undefined ? { exitCode: 1, stdout: '', ...rest } : { exitCode: 0, stdout, ...rest }
    },
  }
}

/** The wiring of a daemon that is to tell it. */
export async function wiringOf(asked: Promise<Wiring | Unwired>): Promise<Wiring> {
  const answer = await asked
  if (isUnwired(answer)) throw new Error(answer.reason)
  return answer
}
