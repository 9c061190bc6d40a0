import type { HostView } from '../../../src/connector/connector.ts'

/** A file of a recorded host. */
interface RecordedFile {
  readonly text: string
  readonly mode: number
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
    mode: async (path) => files[path]?.mode ?? null,
    user: async () => null,
    password: async () => ({ reason: 'it was not recorded' }),
    run: async (command) => {
      const stdout = outputs[command.join(' ')]
      return stdout === undefined ? { exitCode: 1, stdout: '' } : { exitCode: 0, stdout }
    },
  }
}
