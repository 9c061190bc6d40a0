import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AdmissionLimits, admitAtRate } from './admission.ts'
import { type Proxies, standBehind } from './behind-proxies.ts'

/** A certificate with its key, both PEM. */
export interface ServerPair {
  readonly certificatePem: string
  readonly keyPem: string
}

/** How long a server waits for a client, in milliseconds, and for how many. */
export interface ServerLimits {
  readonly handshakeMs: number
  /** To receive a whole request. */
  readonly requestMs: number
  /** Without a byte in either direction. */
  readonly silentMs: number
  /** Between two requests of one connection. */
  readonly keepAliveMs: number
  /** At the same time; more are hung up on. */
  readonly connections: number
  /** Handshakes that begin; left out: as many as come. */
  readonly admission?: AdmissionLimits
}

/** HTTPS servers, TLS 1.3 at least, whose pair can be exchanged while they listen. */
export interface RenewableHttps {
  /** One more server; a name with two addresses has two. `proxies`: load balancers that say whom a connection is from. `onFull`: one was hung up on, for too many wait to be let in. */
  create(answer: RequestListener, limits: ServerLimits, proxies?: Proxies, onFull?: () => void): Server
  /** From now on handshakes get this pair; connections that are open stay. */
  exchange(pair: ServerPair): void
  /** Hangs up on all that have sent a request. */
  hangUp(): void
}

const checkEveryMs = 5000

/**
 * Servers that begin with this pair. `clientCa` (PEM): clients are asked for a certificate of these, and none is turned away here,
 * whatever it shows: what that is good for is for who answers to look up, at each request.
 */
export function renewableHttps(first: ServerPair, clientCa?: string): RenewableHttps {
  const servers: Server[] = []
  let context = contextOf(first, clientCa)
  return {
    create: (answer, limits, proxies, onFull = () => {}) => {
      const { handshakeMs, requestMs, silentMs, keepAliveMs, connections, admission } = limits
      const server = createServer(
        {
          ...context,
          requestCert: clientCa !== undefined,
          rejectUnauthorized: false,
          handshakeTimeout: handshakeMs,
          requestTimeout: requestMs,
          keepAliveTimeout: keepAliveMs,
          // Who sends nothing is found so late.
          connectionsCheckingInterval: checkEveryMs,
        },
        answer,
      )
      server.setTimeout(silentMs)
      server.maxConnections = connections
      if (admission !== undefined) admitAtRate(server, admission, onFull)
      if (proxies !== undefined) standBehind(server, proxies, handshakeMs)
      servers.push(server)
      return server
    },
    exchange: (pair) => {
      context = contextOf(pair, clientCa)
      for (const server of servers) server.setSecureContext(context)
    },
    hangUp: () => {
      for (const server of servers) server.closeAllConnections()
    },
  }
}

function contextOf({ certificatePem, keyPem }: ServerPair, clientCa: string | undefined) {
  const asked = clientCa === undefined ? {} : { ca: clientCa }
  return { cert: certificatePem, key: keyPem, minVersion: 'TLSv1.3', ...asked } as const
}
