import { spawn } from 'node:child_process'
import type { Account } from './half.ts'

const longestAnswer = 256 * 1024

/**
 * Runs this program file once more with these arguments as another account, and gives it a text. Returns what it printed: hostile, whoever
 * printed it. Rejects when it printed too much, took longer than `ms` milliseconds, or ended otherwise than with 0.
 */
export async function askProgram(
  program: string,
  args: readonly string[],
  { text, account, ms }: { readonly text: string; readonly account: Account; readonly ms: number },
): Promise<string> {
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
    cwd: '/',
    timeout: ms,
    killSignal: 'SIGKILL',
    uid: account.uid,
    gid: account.gid,
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  let length = 0
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > longestAnswer) child.kill('SIGKILL')
    else chunks.push(chunk)
  })
  child.once('error', reject)
  child.once('close', (code) => {
    if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'))
    else reject(new Error('the process that speaks to the control plane did not answer'))
  })
  // It may end before it has read all.
  child.stdin.on('error', () => {})
  child.stdin.end(text)
  return promise
}
