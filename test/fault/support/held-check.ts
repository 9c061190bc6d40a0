import { readFile, writeFile } from 'node:fs/promises'
import { writeText } from '../../../src/host/file/plain-files.ts'
import { must } from './disk.ts'

/** A check command that stops once, so that a test can do something meanwhile. */
export interface HeldCheck {
  readonly command: string
  /** Resolves when the command has stopped. */
  reached(): Promise<void>
  release(): Promise<void>
}

/** Makes the command at `path`. The deployment runs it first right before it stages, when it has looked at every file. */
export async function makeHeldCheck(path: string): Promise<HeldCheck> {
  const [reached, go] = [`${path}.reached`, `${path}.go`]
  await must('mkfifo', reached, go)
  const body = `if mkdir ${path}.once 2>/dev/null; then echo > ${reached}; read line < ${go}; fi`
  await writeText(path, `#!/bin/sh\n${body}\nexit 0\n`, 0o755)
  return {
    command: path,
    reached: async () => {
      await readFile(reached)
    },
    release: () => writeFile(go, '\n'),
  }
}
