import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { compileCache } from './compile-cache.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** What `waxseal` with these plain arguments writes to a terminal: script(1) gives it one. */
export async function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const command = [process.execPath, main, ...args].join(' ')
  const { stdout } = await promisify(execFile)('script', ['-qec', `${command}; true`, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', NODE_COMPILE_CACHE: compileCache, ...env },
  })
  return stdout
}
