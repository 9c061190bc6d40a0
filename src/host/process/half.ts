import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Another process of this program. */
export interface Half {
  /** Its exit status once it has ended; 1 where a signal ended it. */
  readonly ended: Promise<number>
  signal(name: NodeJS.Signals): void
  /** Lets go of it: for the half, this process is gone. */
  release(): void
  /** Whether it said so before it ended. */
  readonly isReady: boolean
}

/** Under whom it runs. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** What a half says once it answers. */
const ready = 'ready'

/**
 * Starts this program file once more with these arguments, as this account; null: as this process. Resolves when it says that it is
 * ready, or has ended. It is connected to this process, and is told by the end of that connection when this process is gone.
 */
export async function startHalf(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  account: Account | null,
): Promise<Half> {
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...env },
    ...(account === null ? {} : { uid: account.uid, gid: account.gid }),
  })
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1))
    child.once('error', () => resolve(1))
  })
  const isReady = await Promise.race([ended.then(() => false), once(child, 'message').then(() => true)])
  const release = (): void => {
    if (child.connected) child.disconnect()
  }
  return { ended, isReady, release, signal: (name) => void child.kill(name) }
}

/** Tells who started this half that it answers; nobody did: nothing. */
export function sayReady(): void {
  process.send?.(ready)
}
