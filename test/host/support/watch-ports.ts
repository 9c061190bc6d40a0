import { setTimeout } from 'node:timers/promises'
import { run } from './run.ts'

/** A mail host as its clients see it. */
export interface SeenHost {
  readonly address: string
  readonly name: string
  /** The root that they trust. */
  readonly rootFile: string
}

const ports = { 25: ['-starttls', 'smtp'], 143: ['-starttls', 'imap'], 993: [] } as const

/** Looks at 25, 143 and 993 once, and throws unless each shows this name in a valid chain below the root. */
export async function requireGood({ address, name, rootFile }: SeenHost): Promise<void> {
  for (const [port, starttls] of Object.entries(ports)) {
    const trust = ['-CAfile', rootFile, '-verify_return_error', '-verify_hostname', name]
    const argv = ['openssl', 's_client', '-connect', `${address}:${port}`, '-brief', ...starttls, ...trust]
    await run(['sh', '-c', `exec ${argv.join(' ')} </dev/null`])
  }
}

/** What was seen: how often all was good, and each look at which it was not. */
export interface Watch {
  end(): Promise<{ readonly good: number; readonly bad: readonly string[] }>
}

/** Looks again and again, until it is ended. */
export function watchPorts(host: SeenHost): Watch {
  const ending = new AbortController()
  const seen = { good: 0, bad: [] as string[] }
  const looking = (async () => {
    while (!ending.signal.aborted) {
      await requireGood(host).then(
        () => (seen.good += 1),
        (error: Error) => seen.bad.push(`${new Date().toISOString()} ${error.message}`),
      )
      await setTimeout(1000)
    }
  })()
  return {
    end: async () => {
      ending.abort()
      await looking
      return seen
    },
  }
}
