import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { builtProgram } from './built-program.ts'

/** What `waxseal` with these plain arguments writes to a terminal: script(1) gives it one. */
export async function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const command = [process.execPath, builtProgram, ...args].join(' ')
  const { stdout } = await promisify(execFile)('script', ['-qec', `${command}; true`, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', ...env },
  })
  return stdout
}
