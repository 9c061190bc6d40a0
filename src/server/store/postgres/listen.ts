import { Client } from 'pg'
import { pause, systemClock } from '../../../host/clock.ts'

/** On which servers of one database tell each other that there is work. */
export const channel = 'waxseal_work'
const againMs = 2000
const connectMs = 5000

/**
 * Listens with a connection of its own, and connects again as long as nobody ends it. What is told while it is away is lost: who waits
 * for it has to look from time to time.
 */
export function listenAt(url: string, heard: (text: string) => void): () => Promise<void> {
  const ending = new AbortController()
  const running = listenUntil(url, heard, ending.signal)
  return async () => {
    ending.abort()
    await running
  }
}

async function listenUntil(url: string, heard: (text: string) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await listenOnce(url, heard, signal).catch(() => {})
    await pause(systemClock, againMs, signal)
  }
}

/** Until the connection is lost, or the signal ends it. */
async function listenOnce(url: string, heard: (text: string) => void, signal: AbortSignal): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: connectMs, keepAlive: true })
  const { promise: lost, resolve: end } = Promise.withResolvers<void>()
  const stop = (): void => end()
  client.on('error', stop)
  client.on('end', stop)
  signal.addEventListener('abort', stop)
  client.on('notification', ({ payload = '' }) => heard(payload))
  try {
    await client.connect()
    await client.query(`LISTEN ${channel}`)
    await lost
  } finally {
    signal.removeEventListener('abort', stop)
    await client.end().catch(() => {})
  }
}
