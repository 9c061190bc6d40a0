import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import type { Test } from 'tap'
import type { AskingParts, Expected } from '../../src/acme/follow-answer.ts'
import { type AnswerLook, lookAtAnswers } from '../../src/acme/look-at-answers.ts'
import { answering, dnsAddress, startAnswering } from './answering-server.ts'
import { makeAuthority } from './certificates.ts'

/** What a look is to find, where it is not as at the start. */
export interface ToFind extends Partial<Pick<AskingParts, 'mayAsk' | 'timeoutMs'>> {
  /** Of the name; left out: those of the servers without TLS. */
  readonly addresses?: readonly string[]
  /** Of other names. */
  readonly others?: Readonly<Record<string, string>>
  /** Types of records that the DNS server fails at. */
  readonly failing?: readonly string[]
}

/** A request as a web server saw it. */
export interface Seen extends Pick<IncomingMessage, 'url' | 'headers'> {
  readonly at: string
}

/** Web servers that a name leads to. */
export interface ChallengeWeb {
  readonly asked: readonly Seen[]
  readonly ports: Readonly<Record<80 | 443, number>>
  look(expected: Expected, toFind?: ToFind): Promise<AnswerLook>
}

/** Starts them at addresses of loopback, all at one port (and one for TLS), with a DNS server that leads every name there. */
export async function startChallengeWeb(
  t: Test,
  plain: Readonly<Record<string, RequestListener>>,
  secure: Readonly<Record<string, RequestListener>> = {},
): Promise<ChallengeWeb> {
  const asked: Seen[] = []
  const heard =
    (at: string, handler: RequestListener): RequestListener =>
    (request, response) => {
      asked.push({ at, url: request.url, headers: request.headers })
      handler(request, response)
    }
  const pair = await (await makeAuthority()).issue({ names: ['another.example'] })
  const ports = { 80: await freePort(), 443: await freePort() }
  const servers = [
    ...Object.entries(plain).map(([at, handler]) => createServer(heard(at, handler)).listen(ports[80], at)),
    ...Object.entries(secure).map(([at, handler]) =>
      createHttps({ cert: pair.certificatePem, key: pair.keyPem }, heard(at, handler)).listen(ports[443], at),
    ),
  ]
  await Promise.all(servers.map((server) => once(server, 'listening')))
  let found: ToFind = {}
  const dns = await startAnswering(
    t,
    ({ name, type }) => {
      if (found.failing?.includes(type)) return { flags: 2 }
      const own = found.others?.[name] ?? found.addresses ?? Object.keys(plain)
      const addresses = [own].flat().filter((address) => address.includes(':') === (type === 'AAAA'))
      return answering(...addresses.map((data) => ({ name, type: type as 'A', ttl: 1, data })))
    },
    dnsAddress(),
  )
  t.teardown(() => {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
  })
  return {
    asked,
    ports,
    look: (expected, toFind = {}) => {
      found = toFind
      const { mayAsk = () => true, timeoutMs = 20_000 } = toFind
      return lookAtAnswers(expected, { resolvers: [dns], mayAsk, ports, timeoutMs })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createTcp().listen(0, '::')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
