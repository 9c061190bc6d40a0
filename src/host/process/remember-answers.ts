import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Command } from '../../plan/plan.ts'

interface Remembered<Answer> {
  readonly stamp: string
  readonly answer: Answer
}

const mostAnswers = 500

/** A file that has only just changed may change once more without a trace: its times have the grain of the kernel's clock. */
const settledMs = 2000

/**
 * Runs commands that read nothing but the named files and the host's name, and gives the answer of before as long as none of
 * these has changed (device, inode, size and both times). One that fails, or a file that is not there, is asked again each time.
 */
export function rememberAnswers<Answer extends { readonly exitCode: number | null }>(
  run: (command: Command) => Promise<Answer>,
): (command: Command, reads: readonly string[]) => Promise<Answer> {
  const answers = new Map<string, Remembered<Answer>>()
  return async (command, reads) => {
    const stamp = await stampOf(reads)
    const key = JSON.stringify(command)
    const known = answers.get(key)
    if (stamp !== null && known?.stamp === stamp) return known.answer
    const answer = await run(command)
    if (answers.size >= mostAnswers) answers.clear()
    if (stamp !== null && answer.exitCode === 0) answers.set(key, { stamp, answer })
    return answer
  }
}

/** Null: nothing may be remembered. */
async function stampOf(paths: readonly string[]): Promise<string | null> {
  const now = BigInt(Date.now())
  const stats = await Promise.all(paths.map((path) => stat(path, { bigint: true }).catch(() => null)))
  const stamps = stats.map((one) => {
    if (one === null || now - one.ctimeMs < settledMs) return null
    return [one.dev, one.ino, one.size, one.mtimeNs, one.ctimeNs].join(' ')
  })
  return stamps.includes(null) ? null : [hostname(), ...stamps].join('\n')
}
