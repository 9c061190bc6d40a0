import { Agent, type buildConnector } from 'undici'
import { WaxsealError } from '../error/waxseal-error.ts'
import { clientPairIn, clientPrefix } from './client-pair.ts'
import { connectTls } from './connect-tls.ts'

/** Connections that are made as this credential has it. */
export interface Pool {
  readonly agent: Agent
  /** The credential goes with each request. Else it is a client certificate, which goes with the handshake alone. */
  readonly isBearer: boolean
}

/** The connections to one control plane, TLS 1.3 at least. */
export interface Pools {
  /** CONFIG_INVALID: it is a client certificate that cannot be read, and its key is not sent to anybody. */
  of(credential: string): Pool
  /** New connections trust these roots (PEM) as well, in place of what was added before; not where the roots are the system's. */
  trustAlso(pem: string | null): void
  /** Whether a connection is open. */
  isConnected(): boolean
  close(): Promise<void>
}

/** How to connect. */
interface PoolOptions {
  readonly ca: string | null
  readonly timeoutMs: number
  readonly localAddress?: string | undefined
}

const longestTimeoutMs = 300_000
/** Of client certificates: the present one, the next one, the configured one. */
const mostPairs = 3

/** `localAddress`: to connect from. `ca`: PEM of the roots to trust; null: the system's. `timeoutMs`: to connect. */
export function openPools({ ca, timeoutMs, localAddress }: PoolOptions): Pools {
  let roots = ca
  let connections = 0
  const open = (pair: object = {}): Opened => {
    const connectNow = (): buildConnector.connector =>
      connectTls({
        allowH2: false,
        timeout: timeoutMs,
        minVersion: 'TLSv1.3',
        ...(roots === null ? {} : { ca: roots }),
        ...pair,
      })
    let connect = connectNow()
    const agent = new Agent({
      // One of them may be that of a call that waits for work.
      connections: 5,
      ...(localAddress === undefined ? {} : { localAddress }),
      allowH2: false,
      keepAliveTimeout: 90_000,
      headersTimeout: longestTimeoutMs,
      bodyTimeout: longestTimeoutMs,
      connect: (options, callback) => connect(options, callback),
    })
    agent.on('connect', () => {
      connections += 1
    })
    agent.on('disconnect', () => {
      connections -= 1
    })
    const trustAnew = (): void => {
      connect = connectNow()
    }
    return { agent, trustAnew }
  }
  const bearer = open()
  const ofPairs = new Map<string, Opened>()
  const all = (): readonly Opened[] => [bearer, ...ofPairs.values()]
  const ofPair = (credential: string): Opened | null => {
    const before = ofPairs.get(credential)
    const pair = before === undefined ? clientPairIn(credential) : null
    if (pair === null && before === undefined && credential.startsWith(clientPrefix)) throw unreadable()
    if (pair === null) return before ?? null
    const opened = open({ key: pair.keyPem, cert: pair.certificatePem })
    ofPairs.set(credential, opened)
    const [oldest] = ofPairs
    if (ofPairs.size > mostPairs && oldest !== undefined) {
      ofPairs.delete(oldest[0])
      void oldest[1].agent.close()
    }
    return opened
  }
  return {
    of: (credential) => {
      const opened = ofPair(credential)
      return { agent: (opened ?? bearer).agent, isBearer: opened === null }
    },
    trustAlso: (pem) => {
      if (ca === null) return
      roots = pem === null ? ca : `${ca}\n${pem}`
      for (const { trustAnew } of all()) trustAnew()
    },
    isConnected: () => connections > 0,
    close: async () => {
      await Promise.all(all().map(({ agent }) => agent.destroy()))
    },
  }
}

function unreadable(): WaxsealError {
  const hint =
    'Put the credential back from a backup, or run waxseal enroll again, with a token of waxseal control-plane readmit.'
  const reason = 'it is a client certificate with its key, and cannot be read'
  return new WaxsealError('CONFIG_INVALID', { path: 'control_plane.credential_file', reason, hint })
}

interface Opened {
  readonly agent: Agent
  readonly trustAnew: () => void
}
