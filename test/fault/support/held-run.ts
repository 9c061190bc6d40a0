import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

/** The calls that change a file system, by their names on every architecture. */
export const fileCalls: readonly string[] = [
  'open openat openat2 creat write writev pwrite64 pwritev ftruncate truncate fallocate copy_file_range fsync fdatasync',
  'sync_file_range link linkat rename renameat renameat2 chmod fchmod fchmodat chown fchown fchownat lchown unlink',
  'unlinkat symlink symlinkat mkdir mkdirat rmdir setxattr fsetxattr utimensat',
].flatMap((names) => names.split(' '))
/** Those that begin a command. */
export const commandCalls: readonly string[] = ['clone', 'fork', 'vfork']

/** Whether a call changes something below a folder. */
export function isChange({ name, line }: MadeCall, dir: string): boolean {
  return line.includes(`${dir}/`) && (!name.startsWith('open') || line.includes('O_CREAT'))
}

/** Whether it begins a process, not a thread. */
export function isCommand({ name, line }: MadeCall): boolean {
  return /^v?fork$/.test(name) || (name === 'clone' && !line.includes('CLONE_THREAD'))
}

/** One call that the program has made: `name(arguments) = result`, each `/proc/self/fd/N` as the path that N stands for. */
export interface MadeCall {
  readonly name: string
  readonly line: string
}

/** What a program is held for. */
export interface HeldOptions {
  readonly argv: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  /** The names of the calls; it is held after each that `isOurs`. */
  readonly watched: readonly string[]
  readonly isOurs: (call: MadeCall) => boolean
  /** The whole program is still meanwhile, and goes on, or dies, when this resolves. */
  readonly onHeld: (call: MadeCall) => Promise<'go on' | 'kill'>
  readonly onLine?: (line: string) => void
}

/** A program under strace(1). */
export interface HeldRun {
  kill(signal: NodeJS.Signals): void
  /** Its exit status, or the signal that ended it. */
  readonly exited: Promise<number | string>
  /** What it wrote to stdout and stderr. */
  readonly said: () => string
}

/**
 * Starts a program whose every watched call is followed by a SIGSTOP of strace's: all its threads stand still after the call, until a
 * SIGCONT. So it can be killed after its nth call, exactly, in whatever order its threads make them. One thread makes the calls that
 * are asynchronous, so that two are never one moment.
 */
export function startHeld({ argv, env = {}, watched, isOurs, onHeld, onLine }: HeldOptions): HeldRun {
  // A fork with a signal before it begins anew, for ever: a command is told with the call after it.
  const stopping = watched.filter((name) => !commandCalls.includes(name))
  const listOf = (names: readonly string[]): string => names.map((name) => `?${name}`).join(',')
  const options = ['-f', '-y', '-q', '-s', '0', '-o', '|exec cat >&3', '-e', `trace=${listOf(watched)}`]
  const child = spawn('strace', [...options, '-e', `inject=${listOf(stopping)}:signal=STOP`, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], UV_THREADPOOL_SIZE: '1', ...env },
  })
  const [, stdout, stderr, trace] = child.stdio
  if (!(trace instanceof Readable) || stdout === null || stderr === null)
    throw new Error('strace has nowhere to write to')
  const said: string[] = []
  for (const stream of [stdout, stderr])
    createInterface({ input: stream }).on('line', (line) => {
      said.push(line)
      onLine?.(line)
    })
  const end = Promise.withResolvers<number | string>()
  const read = callReader()
  const stopped = new Set<number>()
  const made: MadeCall[] = []
  let main = 0
  let isKilled = false
  const handle = async (line: string): Promise<void> => {
    const thread = Number(/^\d+/.exec(line)?.[0])
    const isOver = line.includes(' +++ ')
    if (main === 0 && !isOver) main = processOf(thread)
    const [, status, signal] = /\+\+\+ (?:exited with (\d+)|killed by (\w+))/.exec(line) ?? []
    if (thread === main && (status ?? signal) !== undefined) end.resolve(signal ?? Number(status))
    if (isOver && stopped.size > 0) return goOnWhenStill()
    if (line.endsWith(' --- stopped by SIGSTOP ---')) return standStill(thread)
    const call = read(line)
    if (call !== null && processOf(thread) === main && isOurs(call)) made.push(call)
  }
  const standStill = async (thread: number): Promise<void> => {
    const pid = processOf(thread)
    // A command that it has begun.
    if (pid !== main) return send(pid, 'SIGCONT')
    stopped.add(thread)
    return goOnWhenStill()
  }
  const goOnWhenStill = async (): Promise<void> => {
    if (!threadsOf(main).every((one) => stopped.has(one))) return
    stopped.clear()
    for (const call of made.splice(0)) {
      if (isKilled) return
      if ((await onHeld(call)) === 'kill') return kill('SIGKILL')
    }
    send(main, 'SIGCONT')
  }
  const kill = (signal: NodeJS.Signals): void => {
    isKilled ||= signal === 'SIGKILL'
    send(main, signal)
  }
  let turn: Promise<void> = Promise.resolve()
  const inTurn = (step: () => Promise<void>): void => {
    turn = turn.then(step)
    turn.catch((error) => {
      end.reject(error)
      send(main, 'SIGKILL')
    })
  }
  const lines = createInterface({ input: trace })
  lines.on('line', (line) => inTurn(() => handle(line)))
  const closed = once(child, 'close')
  void closed
    .then(() => turn)
    .then(() => {
      // A kill may come before strace(1) has heard of the stop, and then it gives up.
      if (isKilled) end.resolve('SIGKILL')
      const error = new Error(`strace could not trace: ${said.join('\n')}`)
      end.reject(error)
    })
  return {
    kill,
    exited: end.promise.finally(() => closed),
    said: () => said.join('\n'),
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  // 0 would be this process and all its own.
  if (pid === 0) return
  try {
    process.kill(pid, signal)
  } catch {
    // It has gone.
  }
}

function threadsOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return []
  }
}

/** The process that a thread belongs to; its own number where it has gone. */
function processOf(thread: number): number {
  try {
    return Number(/^Tgid:\t(\d+)$/m.exec(readFileSync(`/proc/${thread}/status`, 'latin1'))?.[1])
  } catch {
    return thread
  }
}

/** Reads the lines of strace(1), and returns a call when it has been made. */
function callReader(): (line: string) => MadeCall | null {
  const begun = new Map<string, string>()
  const opened = new Map<string, string>()
  return (line) => {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const [, rest] = /^<\.\.\. \w+ resumed>(.*)$/.exec(text) ?? []
    if (rest === undefined && text.endsWith(' <unfinished ...>')) {
      begun.set(thread, text.slice(0, -' <unfinished ...>'.length))
      return null
    }
    const whole = rest === undefined ? text : `${begun.get(thread) ?? ''}${rest}`
    const name = /^[a-z]\w*(?=\()/.exec(whole)?.[0]
    if (name === undefined || whole.endsWith(' = ?')) return null
    const named = whole.replaceAll(/\/proc\/self\/fd\/(\d+)/g, (own, fd: string) => opened.get(fd) ?? own)
    const [, fd, path] = / = (\d+)<(\/[^>]*)>$/.exec(whole) ?? []
    if (fd !== undefined && path !== undefined) opened.set(fd, path)
    return { name, line: named }
  }
}
