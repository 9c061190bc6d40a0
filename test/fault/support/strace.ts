import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const gate = new URL('gate.ts', import.meta.url).href

/** The calls that change a file system, by their names on every architecture, and those that begin a command. */
const traced = [
  'open openat openat2 creat write writev pwrite64 pwritev ftruncate truncate fallocate copy_file_range fsync fdatasync',
  'sync_file_range link linkat rename renameat renameat2 chmod fchmod fchmodat chown fchown fchownat lchown unlink',
  'unlinkat symlink symlinkat mkdir mkdirat rmdir setxattr fsetxattr utimensat clone fork vfork',
].flatMap((names) => names.split(' '))

/** Which thread is made to be ahead of the other. */
export type Pad = 'pool' | 'main'

/** One call in the traced program that is ours: it changes a file below the folder, or begins a command. */
export interface Call {
  readonly name: string
  /** It is the thread's call of this name with this number, from 1. */
  readonly when: number
  /** No other thread had come to this number before. */
  readonly isFirst: boolean
  /** It was made: the program was not killed at it. */
  readonly isDone: boolean
  /** As strace prints it. */
  readonly line: string
}

/** Where a program is killed. */
export interface KillAt extends Pick<Call, 'name' | 'when'> {
  readonly pad: Pad
}

/** A run under strace. */
export interface Traced {
  readonly status: number | string
  readonly stderr: string
  readonly calls: readonly Call[]
}

/** What a run needs beside its arguments. */
export interface TraceOptions {
  readonly args: readonly string[]
  /** What is run in place of `waxseal`. */
  readonly program?: string
  /** Calls below this folder are ours. */
  readonly dir: string
  /** Trace, compile cache and padding go here. */
  readonly scratch: string
  readonly kill: KillAt | Pad
}

/** The shell becomes strace, which is then the parent of what it traces: Yama (ptrace_scope 1) lets only parents trace. */
const startThenTrace = '"$@" <&3 3<&- & read go; exec 3<&- strace -f -p $! $OPTIONS'

/** Runs `waxseal`, traces it with strace(1) from where all of it is loaded, and kills it before the named call. */
export async function runTraced({ args, program = main, dir, scratch, kill }: TraceOptions): Promise<Traced> {
  const file = join(scratch, 'trace')
  const inject = typeof kill === 'string' ? '' : `-e inject=${kill.name}:signal=KILL:when=${kill.when}`
  const child = spawn('sh', ['-c', startThenTrace, 'sh', process.execPath, '--import', gate, program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      OPTIONS: `-y -s 0 -o ${file} -e trace=${traced.map((name) => `?${name}`).join(',')} ${inject}`,
      UV_THREADPOOL_SIZE: '1',
      NODE_COMPILE_CACHE: join(scratch, '..', 'compile-cache'),
      WAXSEAL_PAD: typeof kill === 'string' ? kill : kill.pad,
      WAXSEAL_PAD_FILE: join(scratch, 'pad'),
    },
  })
  const [, , , gateway] = child.stdio
  if (!(gateway instanceof Writable)) throw new Error('there is no way to the gate')
  const ended = once(child, 'close')
  const over = ended.then(() => Promise.reject(new Error(`strace could not trace: ${said}`)))
  let said = ''
  const attached = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (/ attached/.test(said)) resolve()
    })
  })
  const [pid] = (await Promise.race([once(child.stdout, 'data'), over])) as [Buffer]
  child.stdin.end('go\n')
  await Promise.race([attached, over])
  gateway.end('.')
  child.stdout.resume()
  over.catch(() => {})
  await ended
  const trace = await readFile(file, 'utf8')
  const thread = pid.toString().trim()
  const [, exit, signal] =
    new RegExp(`^${thread} +\\+\\+\\+ (?:exited with (\\d+)|killed by (\\w+))`, 'm').exec(trace) ?? []
  return { status: signal ?? Number(exit), stderr: said, calls: callsOf(trace, thread, dir) }
}

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

function callsOf(trace: string, mainThread: string, dir: string): readonly Call[] {
  const counts = new Map<string, number>()
  const furthest = new Map<string, number>()
  const lines = namesIn(trace.split('\n'))
  const commands = commandsOf(lines)
  return lines.flatMap((line, position) => {
    const [, thread = '', name = ''] = /^(\d+) +([a-z]\w*)\(/.exec(line) ?? []
    if (name === '') return []
    const when = (counts.get(`${thread} ${name}`) ?? 0) + 1
    counts.set(`${thread} ${name}`, when)
    const isFirst = when > (furthest.get(name) ?? 0)
    if (isFirst) furthest.set(name, when)
    if (commands.has(thread)) return []
    if (!(isChange(name, line, dir) || (thread === mainThread && isCommand(name, line)))) return []
    return [
      { name, when, isFirst, isDone: isDone(lines, position, thread, name), line: line.slice(line.indexOf(name)) },
    ]
  })
}

/**
 * Each line with the path of an opened folder in place of its descriptor: `/proc/self/fd/24/key.pem` is a name in what the last open that
 * returned 24 has opened, which strace tells behind it.
 */
function namesIn(lines: readonly string[]): readonly string[] {
  const opened = new Map<string, string>()
  return lines.map((line) => {
    const named = line.replaceAll(/\/proc\/self\/fd\/(\d+)/g, (own, fd: string) => opened.get(fd) ?? own)
    const [, fd, path] = / = (\d+)<(\/[^>]*)>$/.exec(line) ?? []
    if (fd !== undefined && path !== undefined) opened.set(fd, path)
    return named
  })
}

/** The processes that it begins: a kill at one of their calls would be theirs. */
function commandsOf(lines: readonly string[]): ReadonlySet<string> {
  const begun = lines.filter((line) => !line.includes('CLONE_THREAD'))
  return new Set(begun.flatMap((line) => /^\d+ +(?:<\.\.\. )?(?:clone|v?fork)\b.* = (\d+)$/.exec(line)?.[1] ?? []))
}

function isChange(name: string, line: string, dir: string): boolean {
  return line.includes(`${dir}/`) && (!name.startsWith('open') || line.includes('O_CREAT'))
}

/** A process, not a thread. */
function isCommand(name: string, line: string): boolean {
  return /^v?fork$/.test(name) || (name === 'clone' && !line.includes('CLONE_THREAD'))
}

/** A call that the kill came before has no result. */
function isDone(lines: readonly string[], position: number, thread: string, name: string): boolean {
  const line = lines[position] ?? ''
  if (!line.includes('<unfinished ...>')) return !line.endsWith(' = ?')
  const isResumed = new RegExp(`^${thread} +<\\.\\.\\. ${name} resumed>`)
  const resumed = lines.slice(position + 1).find((later) => isResumed.test(later))
  return resumed !== undefined && !resumed.endsWith(' = ?')
}
