import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { builtProgram } from '../../support/built-program.ts'
import type { Ran } from '../../support/run-waxseal.ts'

/** One kind of system call, the n-th of it in a thread, from 1. */
export interface CallPoint {
  readonly name: string
  readonly n: number
}

/** Runs `waxseal` below strace with these options. One thread does its file calls, so that `when=` counts them all. */
export async function runTraced(
  strace: readonly string[],
  args: readonly string[],
  program: string = builtProgram,
): Promise<Ran> {
  // Its filter in the kernel lets all other calls pass without a stop; strace 6.1 loses signals with it (seen: the second never comes).
  const filter = strace.some((option) => option.includes(':signal=')) ? [] : ['--seccomp-bpf']
  const options = ['--follow-forks', ...filter, '--quiet=all', ...strace]
  const child = spawn('strace', [...options, process.execPath, program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], UV_THREADPOOL_SIZE: '1' },
  })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ])
  return { status: code ?? signal ?? 'unknown', stdout, stderr }
}

/** Runs `waxseal` and returns how it ended and the points of all its calls of these names, in order. */
export async function pointsOf(
  names: readonly string[],
  log: string,
  args: readonly string[],
  paths: readonly string[] = [],
): Promise<{ readonly ran: Ran; readonly points: readonly CallPoint[] }> {
  const watched = paths.map((path) => `--trace-path=${path}`)
  // With a path to watch, what begins a process is not seen; a command has no business there.
  const begins = paths.length === 0 ? ['clone', 'fork', 'vfork'] : []
  const traced = [...names, ...begins].map((name) => `?${name}`).join(',')
  const ran = await runTraced([`--output=${log}`, `--trace=${traced}`, ...watched], args)
  const lines = (await readFile(log, 'utf8')).split('\n')
  const commands = commandsIn(lines)
  await rm(log)
  const counts = new Map<string, number>()
  const points = new Map<string, CallPoint>()
  for (const line of lines) {
    const [, thread, name] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (thread === undefined || name === undefined || commands.has(thread) || !names.includes(name)) continue
    const n = (counts.get(`${thread} ${name}`) ?? 0) + 1
    counts.set(`${thread} ${name}`, n)
    points.set(`${name} ${n}`, { name, n })
  }
  return { ran, points: [...points.values()] }
}

/** The processes that it begins, and what these begin: a kill at one of their calls would be theirs. */
function commandsIn(lines: readonly string[]): ReadonlySet<string> {
  const begun = lines.filter((line) => !line.includes('CLONE_THREAD'))
  return new Set(begun.flatMap((line) => /^\d+ +(?:<\.\.\. )?(?:clone|v?fork)\b.* = (\d+)/.exec(line)?.[1] ?? []))
}
