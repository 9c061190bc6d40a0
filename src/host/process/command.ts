import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { CommandFacts } from '../../outcome/outcome.ts'
import type { Command } from '../../plan/plan.ts'
import { type BuiltInCommand, findBuiltIn } from './built-in-command.ts'
import { type FoundProgram, findProgram } from './find-program.ts'

/** Limits of one command. */
export interface RunOptions {
  /** From start to SIGTERM, in milliseconds. */
  readonly timeoutMs: number
  /** From SIGTERM to SIGKILL, in milliseconds; default 5000. */
  readonly killAfterMs?: number
  /** Beside the scrubbed environment. */
  readonly env?: Readonly<Record<string, string>>
  /** What it reads; without it, nothing. */
  readonly input?: string
}

/** The facts of a command, and all that it printed for us to read. */
export interface CommandResult extends CommandFacts {
  /** At most 8 MiB. */
  readonly stdout: string
}

/** nginx and Apache print all of their settings: a thousand sites have some. */
const stdoutLimit = 8 * 1024 * 1024
const outputLimit = 2048
/** Of each stream: a private key must be seen whole to be recognised, and is larger than what is kept. */
const tailLimit = 64 * 1024
const graceMs = 100
/** All that a command gets of an environment, beside the folders of programs. */
const ownEnvironment = { LANG: 'C', HOME: '/' }

/**
 * Runs an argv without a shell, in a process group of its own, with an environment of ours and bounded output (law 2). A bare name is
 * a program of the system's own folders (`findProgram`).
 * Ends at the exit of the process, not at the end of its output: a daemon that it started keeps the pipes open.
 * Never throws: a program that cannot be started has `exitCode: null` and says why in `output`.
 */
export async function runCommand(command: Command, options: RunOptions): Promise<CommandResult> {
  const builtIn = findBuiltIn(command[0])
  return builtIn === null ? runProgram(command, options) : carryOut(builtIn, command, options)
}

/** A command of our own, in this process. */
async function carryOut(builtIn: BuiltInCommand, command: Command, options: RunOptions): Promise<CommandResult> {
  const started = performance.now()
  const limit = AbortSignal.timeout(options.timeoutMs)
  const end = (exitCode: number, text: string): CommandResult => {
    const output = printable(text).slice(-outputLimit)
    const ms = Math.round(performance.now() - started)
    return { command, exitCode, signal: null, timedOut: limit.aborted, output, ms, stdout: '' }
  }
  return builtIn(command.slice(1), limit).then(
    (text) => end(0, text),
    (error: Error) => end(1, reasonOf(error)),
  )
}

/** `fetch` hides what went wrong behind `fetch failed`. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message
}

async function runProgram(command: Command, options: RunOptions): Promise<CommandResult> {
  const started = performance.now()
  const child = await start(command, options)
  if (child instanceof Error)
    return {
      command,
      exitCode: null,
      signal: null,
      timedOut: false,
      output: printable(child.message),
      ms: 0,
      stdout: '',
    }
  const stdout = collect(child.stdout, stdoutLimit, 'head')
  const both = [collect(child.stdout, tailLimit, 'tail'), collect(child.stderr, tailLimit, 'tail')]
  const limit = limitTime(child, options)
  const { exitCode, signal, failure } = await exitOf(child)
  limit.clear()
  child.stdout.destroy()
  child.stderr.destroy()
  const output = [...both.map((text) => text()), failure ?? '']
    .map(printable)
    .filter((text) => text !== '')
    .join('\n')
  return {
    command,
    exitCode,
    signal,
    timedOut: limit.timedOut(),
    output: output.slice(-outputLimit),
    ms: Math.round(performance.now() - started),
    stdout: stdout(),
  }
}

interface Running extends ChildProcess {
  readonly stdout: Readable
  readonly stderr: Readable
}

function isRunning(child: ChildProcess): child is Running {
  return child.stdout !== null && child.stderr !== null
}

/** What `spawn` throws (an argument that is too long, a NUL byte) is a failure of the command like any other. */
async function start([program, ...args]: Command, { env, input }: RunOptions): Promise<Running | Error> {
  try {
    const found = await findProgram(program)
    if (!('path' in found)) return new Error(whyNot(program, found.reason))
    const child = spawn(found.path, args, {
      argv0: program,
      detached: true,
      env: { PATH: found.searched, ...ownEnvironment, ...env },
      cwd: '/',
      shell: false,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.on('error', () => {})
    // It may end before it has read all.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
    return isRunning(child) ? child : new Error('too many files are open')
  } catch (error) {
    return error as Error
  }
}

function whyNot(program: string, reason: Extract<FoundProgram, { reason: unknown }>['reason']): string {
  if (reason === 'missing') return `spawn ${program} ENOENT: it is in none of the system's own folders`
  if (reason === 'relative') return `${program} is neither an absolute path nor a bare name`
  return `${program} is not run: ${reason.reason}: ${reason.fix}`
}

interface Exit {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly failure: string | null
}

/** Resolves at the exit, and waits no longer than a short grace for output that is still on its way. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ exitCode: null, signal: null, failure: error.message }))
    child.once('exit', (exitCode, signal) => {
      const finish = (): void => resolve({ exitCode, signal, failure: null })
      const grace = setTimeout(finish, graceMs)
      child.once('close', () => {
        clearTimeout(grace)
        finish()
      })
    })
  })
}

interface TimeLimit {
  clear(): void
  timedOut(): boolean
}

function limitTime(child: ChildProcess, { timeoutMs, killAfterMs = 5000 }: RunOptions): TimeLimit {
  let timedOut = false
  let kill: NodeJS.Timeout | undefined
  const terminate = setTimeout(() => {
    timedOut = true
    signalGroup(child, 'SIGTERM')
    kill = setTimeout(() => signalGroup(child, 'SIGKILL'), killAfterMs)
  }, timeoutMs)
  return {
    clear: () => {
      clearTimeout(terminate)
      clearTimeout(kill)
      if (timedOut) signalGroup(child, 'SIGKILL')
    },
    timedOut: () => timedOut,
  }
}

/** The group may be gone already. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    return
  }
}

function collect(stream: Readable, limit: number, keep: 'head' | 'tail'): () => string {
  let bytes = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    if (keep === 'head' && bytes.length >= limit) return
    bytes = Buffer.concat([bytes, chunk])
    if (bytes.length > limit) bytes = keep === 'head' ? bytes.subarray(0, limit) : bytes.subarray(-limit)
  })
  stream.on('error', () => {})
  return () => bytes.toString('utf8')
}

const privateKeys = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g
const headlessKey = /^[\s\S]*-----END [A-Z ]*PRIVATE KEY-----/
const unprintable = /[^\P{C}\n\t]/gu
const removed = '[private key removed]'

/** Output as it may be kept: no control characters, no private key. */
function printable(text: string): string {
  return text.replaceAll(unprintable, '').replaceAll(privateKeys, removed).replace(headlessKey, removed).trim()
}
