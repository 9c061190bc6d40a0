import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { builtProgram } from './built-program.ts'

/** One line of a log. */
export type LogLine = Readonly<Record<string, unknown>>

/** `waxseal …` in a process of its own, whose lines can be waited for. */
export interface WaxsealProcess {
  readonly pid: number
  /** The first line from the start, or from the last call on, that matches; rejects when the process ends first. */
  waitFor(matches: (line: LogLine) => boolean): Promise<LogLine>
  /** All lines so far; one that is no JSON is `{ text }`. */
  readonly lines: readonly LogLine[]
  kill(signal: NodeJS.Signals): void
  /** SIGKILL to it and to what it has started, the halves of an agent, as where the power fails. */
  killAll(): void
  /** Resolves at the exit: its status, or the signal that ended it. */
  readonly exited: Promise<number | string>
}

/** Starts `waxseal` with these arguments on the runtime of the test. */
export function startWaxseal(args: readonly string[], env: Readonly<Record<string, string>> = {}): WaxsealProcess {
  return startProcess([process.execPath, builtProgram, ...args], env)
}

/**
 * Arguments of env(1): the test runner has each Node.js process load its own part by NODE_OPTIONS. An agent cleans its environment, so that
 * the halves that it starts would be measured for coverage, though that is switched off.
 */
export function withoutRunner({ NODE_OPTIONS: options }: Readonly<Record<string, string>> = {}): readonly string[] {
  return options === undefined ? ['-u', 'NODE_OPTIONS'] : [`NODE_OPTIONS=${options}`]
}

/** The same of any program that runs `waxseal` in the end. */
export function startProcess(
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): WaxsealProcess {
  const argv = [...withoutRunner(env), program, ...args]
  const child = spawn('env', argv, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } })
  const lines: LogLine[] = []
  const wakers = new Set<() => void>()
  const wake = (): void => {
    for (const waker of wakers) waker()
  }
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(parse(text))
      wake()
    })
  }
  let isOver = false
  const exited = exitOf(child).finally(() => {
    isOver = true
    wake()
  })
  let seen = 0
  return {
    pid: child.pid ?? 0,
    lines,
    exited,
    kill: (signal) => child.kill(signal),
    killAll: () => {
      const halves = halvesOf(child.pid ?? 0)
      child.kill('SIGKILL')
      for (const half of halves) process.kill(half, 'SIGKILL')
    },
    waitFor: async (matches) => {
      for (;;) {
        for (; seen < lines.length; seen += 1) {
          const line = lines[seen]
          if (line === undefined || !matches(line)) continue
          seen += 1
          return line
        }
        if (isOver) throw new Error(`the process ended before the line came:\n${JSON.stringify(lines, null, 1)}`)
        await new Promise<void>((resolve) => {
          wakers.add(resolve)
        }).finally(() => wakers.clear())
      }
    },
  }
}

/** The processes that `waxseal agent` has started for its halves, the deployer first. */
export function halvesOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? [] : children.split(' ').map(Number)
  } catch {
    return []
  }
}

async function exitOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return code ?? signal ?? 'unknown'
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return { text }
  }
}
