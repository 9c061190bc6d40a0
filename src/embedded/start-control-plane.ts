import { join } from 'node:path'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { durableWrite } from '../host/file/durable-write.ts'
import { ensurePrivateFolder } from '../host/file/private-folder.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { ownNames } from '../host/host-facts.ts'
import { agentRoutes } from './agent-routes.ts'
import { openAuthority } from './authority.ts'
import { answerError, answerErrors, type ControlPlaneLog, logRequests } from './log-requests.ts'
import { operatorRoutes } from './operator-routes.ts'
import { RateLimit } from './rate-limit.ts'
import { Reaper } from './reaper.ts'
import { newSecret } from './secret.ts'
import { Store } from './store.ts'

/** Where the bundled control plane listens and keeps its data. */
export interface ControlPlaneOptions {
  /** 0700: database, CA, operator token. */
  readonly dataDir: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Names beside localhost and the host's own, short and full, that its certificate carries. */
  readonly names?: readonly string[]
  /** Milliseconds since 1970, UTC; default: the host's clock. */
  readonly now?: () => number
  /** Default: nothing is written. */
  readonly log?: ControlPlaneLog
}

/** A control plane that listens. */
export interface RunningControlPlane {
  readonly url: string
  readonly caPem: string
  readonly operatorToken: string
  close(): Promise<void>
}

const bodyLimit = 1024 * 1024
const silent: ControlPlaneLog = { debug: () => {}, info: () => {}, error: () => {} }

/** Starts the bundled control plane: HTTPS, TLS 1.3 at least, a CA of its own, one SQLite database. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  const { dataDir, host, port, names = [], now = Date.now, log = silent } = options
  await ensurePrivateFolder(dataDir)
  const authority = await openAuthority(dataDir)
  const pair = await authority.issueServerPair([
    ...new Set(['localhost', '127.0.0.1', '::1', ...(await ownNames()), ...addressOf(host), ...names]),
  ])
  const operatorToken = await openOperatorToken(dataDir)
  const store = new Store(join(dataDir, 'control-plane.db'), now)
  const reaper = new Reaper(store)
  const server = fastify({
    logger: false,
    bodyLimit,
    https: { cert: pair.certificatePem, key: pair.keyPem, minVersion: 'TLSv1.3' },
    // A URL that cannot be decoded never comes to the error handler.
    frameworkErrors: (error, request, reply) =>
      answerError(error, request as FastifyRequest, reply as FastifyReply, log),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allowUnionTypes: true } },
  }) as unknown as FastifyInstance
  answerErrors(server, log)
  logRequests(server, log)
  limitRate(server, now)
  agentRoutes(server, { store, authority, reaper })
  await server.register(async (operator) => operatorRoutes(operator, { store, reaper, operatorToken }), {
    prefix: '/operator/v1',
  })
  // The address of all addresses is one to listen at, not one to call, and no certificate carries it.
  const url = (await server.listen({ host, port })).replace('//[::]:', '//[::1]:')
  await durableWrite(join(dataDir, 'url'), Buffer.from(`${url}\n`), 0o644)
  return {
    url,
    caPem: authority.caPem,
    operatorToken,
    close: async () => {
      await server.close()
      store.close()
    },
  }
}

/** What the URL says, unless that is any address. */
function addressOf(host: string): readonly string[] {
  return ['0.0.0.0', '::'].includes(host) ? [] : [host]
}

async function openOperatorToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'operator-token')
  const kept = await readBounded(path, 4096)
  if (kept !== null) return Buffer.from(kept).toString('utf8').trim()
  const token = newSecret('wxo')
  await durableWrite(path, Buffer.from(`${token}\n`))
  return token
}

function limitRate(server: FastifyInstance, now: () => number): void {
  const limit = new RateLimit()
  server.addHook('onRequest', async (request, reply) => {
    const wait = limit.take(request.headers.authorization ?? request.ip, now())
    if (wait === 0) return
    await reply
      .code(429)
      .header('retry-after', String(wait))
      .send({ error: 'too many requests', request_id: request.id })
  })
}
