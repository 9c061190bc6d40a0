import { once } from 'node:events'
import { lstat, realpath } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { foreignOnTheWayTo } from '../file/ours.ts'
import { readBounded } from '../file/read-bounded.ts'

const answerLimit = 64 * 1024
const lookMs = 50
const abortMs = 1000

/** One command on a socket of HAProxy, and its answer. HAProxy closes the connection behind it (management guide, §9.3). */
async function ask(socket: string, command: string, signal: AbortSignal): Promise<string> {
  await requireOwnSocket(socket)
  const connection = createConnection(socket)
  const onAbort = (): void => void connection.destroy(new Error('the time limit passed'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await once(connection, 'connect')
    connection.end(`${command}\n`)
    let answer = ''
    for await (const chunk of connection) {
      answer += String(chunk)
      if (answer.length > answerLimit) throw new Error('the answer is too long')
    }
    return answer.trim()
  } finally {
    signal.removeEventListener('abort', onAbort)
    connection.destroy()
  }
}

/** What is said on it, keys among them, is for a socket that root, or this process's user, alone could have put there. */
async function requireOwnSocket(socket: string): Promise<void> {
  const real = await realpath(socket)
  for (const folder of new Set([dirname(socket), dirname(real)])) {
    const foreign = await foreignOnTheWayTo(folder)
    if (foreign !== null) throw new Error(`${socket} is not spoken to: ${foreign.reason}: ${foreign.fix}`)
  }
  if (!(await lstat(real)).isSocket()) throw new Error(`${socket} is no socket`)
}

/** White space, quotes, backslashes, `;` and line ends mean something to the CLI (management guide, §9.3). */
const plainPath = /^\/[A-Za-z0-9/._@%+,=:~-]+$/

interface Master {
  readonly pid: string
  readonly reloads: number
  readonly failed: number
}

/** The row of the master in `show proc`: `8 master 2 [failed: 0] …`. */
async function showMaster(socket: string, signal: AbortSignal): Promise<Master> {
  const answer = await ask(socket, 'show proc', signal)
  const [, pid = '', reloads, failed] = /^(\d+)\s+master\s+(\d+)\s+\[failed: (\d+)\]/m.exec(answer) ?? []
  if (reloads === undefined || failed === undefined) throw new Error('this is no master socket of HAProxy 2.5 or newer')
  return { pid, reloads: Number(reloads), failed: Number(failed) }
}

/** Reloads by the master CLI; one that fails exits with 0 everywhere else and shows only in `show proc`. */
export async function reloadHaproxy([socket = '']: readonly string[], signal: AbortSignal): Promise<string> {
  const before = await showMaster(socket, signal)
  await ask(socket, 'reload', signal).catch(() => '')
  for (;;) {
    signal.throwIfAborted()
    const now = await showMaster(socket, signal).catch(() => null)
    if (now !== null && now.failed > 0 && now.failed !== before.failed) {
      throw new Error('HAProxy could not load its new configuration, and goes on with the old one')
    }
    if (now !== null && now.reloads > before.reloads) return `reloaded: ${now.reloads} since the start`
    await sleep(lookMs, undefined, { signal })
  }
}

/** Has the running HAProxy load a file that it knows, without a reload: `set ssl cert`, then `commit ssl cert`. */
export async function loadIntoHaproxy(
  [socket = '', path = '']: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  if (!plainPath.test(path)) throw new Error('the path has characters in it that mean something to the CLI of HAProxy')
  const pem = await readBounded(path, 1024 * 1024)
  if (pem === null) throw new Error(`there is no ${path}`)
  const lines = Buffer.from(pem)
    .toString('latin1')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const set = `set ssl cert ${path} <<\n${lines.join('\n')}\n`
  try {
    await askFor(/^Transaction (created|updated)/m, socket, set, signal)
    return await askFor(/Success!/, socket, `commit ssl cert ${path}`, signal)
  } catch (error) {
    // Left open, it would hold the new pair until somebody commits it. The time limit may be what has passed.
    await ask(socket, `abort ssl cert ${path}`, AbortSignal.timeout(abortMs)).catch(() => '')
    throw error
  }
}

/** Throws the answer when it is another one than was hoped for. */
async function askFor(hoped: RegExp, socket: string, command: string, signal: AbortSignal): Promise<string> {
  const answer = await ask(socket, command, signal)
  if (hoped.test(answer)) return answer
  throw new Error(answer === '' ? 'HAProxy gave no answer' : answer)
}
