import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** The sentence that says why strace cannot be used here; null: it can. */
export async function whyNoStrace(): Promise<string | null> {
  const child = spawn('strace', ['-qq', '-o', '/dev/null', '-e', 'inject=getcwd:signal=KILL', 'pwd', '-P'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close').catch((error: Error) => error)
  const [said, end] = await Promise.all([text(child.stderr), ended])
  if (end instanceof Error) return `strace is not installed (${end.message}): apt-get install strace`
  const [, signal] = end as [number | null, string | null]
  return signal === 'SIGKILL' ? null : `strace may not trace and kill a process here: ${said.trim()}`
}
