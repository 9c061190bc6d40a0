import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { run } from './run.ts'

/** The journal of some units as it grows. */
export interface FollowedLog {
  /** The first line, from the last match on, that has this in it; rejects when the journal ends first. */
  waitFor(pattern: RegExp): Promise<string>
  close(): Promise<void>
}

/** Follows the journal of `units`, from this moment on, with journalctl, started through `prefix`. */
export async function followLog(
  prefix: readonly [string, ...string[]],
  units: readonly string[],
): Promise<FollowedLog> {
  const now = await run([...prefix, 'journalctl', '-n', '1', '--show-cursor'])
  const cursor = /^-- cursor: (.*)$/m.exec(now)?.[1] ?? ''
  const [program, ...args] = prefix
  const options = ['-f', '-o', 'cat', ...units.flatMap((unit) => ['-u', unit]), `--after-cursor=${cursor}`]
  const child = spawn(program, [...args, 'journalctl', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const lines: string[] = []
  let wake = (): void => {}
  let isOver = false
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    wake()
  })
  const closed = once(child, 'close').then(() => {
    isOver = true
    wake()
  })
  let seen = 0
  return {
    waitFor: async (pattern) => {
      for (;;) {
        for (; seen < lines.length; seen += 1) {
          const line = lines[seen] ?? ''
          if (!pattern.test(line)) continue
          seen += 1
          return line
        }
        if (isOver) throw new Error(`the journal ended before ${pattern}:\n${lines.join('\n')}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    close: async () => {
      // The group: nsenter waits for a journalctl that would outlive it.
      if (!isOver && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
      await closed
    },
  }
}
