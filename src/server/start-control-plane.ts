import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { durableWrite } from '../host/file/write/durable-write.ts'
import { localHostname, ownNames } from '../host/host-facts.ts'
import { renewableHttps } from '../host/socket/renewable-https.ts'
import type { Channel } from '../notice/channel.ts'
import { openChannels } from '../notice/open-channels.ts'
import { version } from '../version.ts'
import { openClientCa } from './authority/client-ca.ts'
import { startBackground } from './background.ts'
import type { ServerConfig } from './config/server-config.ts'
import { keptVersions } from './config/versions-section.ts'
import { openAuditKey, openOperatorToken, takeDataDirectory } from './data-directory.ts'
import { guardAgent, guardLasting, guardOperator, guardToken } from './http/authenticate.ts'
import { Drain } from './http/drain.ts'
import { requireLeastRoles } from './http/least-roles.ts'
import { type Limits, openLimits } from './http/limits.ts'
import { type ControlPlaneLog, tellTwin } from './http/log-requests.ts'
import { type Metrics, openMetrics } from './http/metrics.ts'
import { describeCalls } from './http/open-api.ts'
import { openServer } from './http/open-server.ts'
import { openIssuers } from './issuer/open-issuers.ts'
import { openCa, remindOfNextCa } from './open-ca.ts'
import { openDaneDns } from './open-dane-dns.ts'
import { FleetPace } from './operation/agent/fleet-pace.ts'
import { OldCredentials } from './operation/agent/old-credentials.ts'
import { Presence } from './operation/agent/presence.ts'
import { httpSolver } from './operation/certificate/http-solver.ts'
import { crlPublisher } from './operation/certificate/publish-crl.ts'
import { openSigner } from './operation/certificate/signer.ts'
import type { DaneDns } from './operation/dane/dane-dns.ts'
import { overviewReader } from './operation/fleet/overview.ts'
import { WorkBell } from './operation/job/work-bell.ts'
import { noteAlive } from './operation/keep-time.ts'
import type { Parts } from './operation/parts.ts'
import { hashSecret } from './operation/secret.ts'
import { openOwnPair } from './own-pair.ts'
import { agentCredentialRoutes } from './route/agent-credential.ts'
import { agentCsrRoute } from './route/agent-csr.ts'
import { agentRegisterRoutes } from './route/agent-register.ts'
import { agentRenewedRoutes } from './route/agent-renewed.ts'
import { agentReportRoutes } from './route/agent-report.ts'
import { agentRollbackRoutes } from './route/agent-rollback.ts'
import { agentWorkRoutes } from './route/agent-work.ts'
import { fleetSite } from './route/fleet-site.ts'
import { healthRoutes, metricsRoute } from './route/health.ts'
import { agentLookRoutes, operatorLookRoutes } from './route/looks.ts'
import { operatorAgentRoutes } from './route/operator-agents.ts'
import { operatorAuditRoutes } from './route/operator-audit.ts'
import { operatorCertificateRoutes } from './route/operator-certificates.ts'
import { operatorDaneRoutes } from './route/operator-dane.ts'
import { operatorDiscoveredRoutes } from './route/operator-discovered.ts'
import { operatorIssuerRoutes } from './route/operator-issuers.ts'
import { operatorJobRoutes } from './route/operator-jobs.ts'
import { operatorLabelRoutes } from './route/operator-labels.ts'
import { operatorMatterRoutes } from './route/operator-matters.ts'
import { operatorOrderRoutes } from './route/operator-orders.ts'
import { operatorPeopleRoutes } from './route/operator-people.ts'
import { operatorRenewalRoutes } from './route/operator-renewals.ts'
import { operatorRolloutRoutes } from './route/operator-rollouts.ts'
import { operatorTargetRoutes } from './route/operator-targets.ts'
import { operatorWindowRoutes } from './route/operator-windows.ts'
import { publicCrlRoutes } from './route/public-crl.ts'
import { startTelling } from './start-telling.ts'
import { openStore } from './store/open-store.ts'
import type { Store } from './store/store.ts'

/** Where the bundled control plane listens and keeps its data. */
export interface ControlPlaneOptions {
  /** 0700: database, CA, operator token. */
  readonly dataDir: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Folder with the CA, `ca.pem` and `ca.key`, as the operator gives it to each server; left out: the data directory. */
  readonly caDir?: string | undefined
  /** Left out: the bundled CA alone signs, and nobody is told. */
  readonly config?: ServerConfig
  /** A `postgres://` URL; left out: an SQLite database in the data directory. */
  readonly database?: string | undefined
  /** Names beside localhost and the host's own, short and full, that its certificate carries. */
  readonly names?: readonly string[]
  /** Addresses and networks (`10.1.0.0/16`) of load balancers that send a PROXY header; all others send none. */
  readonly proxyFrom?: readonly string[]
  /** Default: the DNS of this host. */
  readonly daneDns?: DaneDns
  /** Milliseconds since 1970, UTC; default: the clock of the host, or of PostgreSQL. */
  readonly now?: () => number
  /** Default: nothing is written. */
  readonly log?: ControlPlaneLog
}

/** A control plane that listens. */
export interface RunningControlPlane {
  readonly url: string
  readonly caPem: string
  readonly operatorToken: string
  /**
   * Finishes what it has taken: calls for 25 s at most, and what it signs for 5 s more. Load balancers that ask whether it is ready are
   * told before.
   */
  close(): Promise<void>
}

/** Connections that wait to be taken: a fleet may come at once. The kernel has its own bound (net.core.somaxconn). */
const backlog = 4096
/** All that has been asked is answered by then, or hung up on. */
const longestEndMs = 25_000

const bundledAlone: ServerConfig = {
  dns: [],
  resolvers: [],
  issuers: { hasLocal: true, others: [], order: ['local'] },
  notify: null,
  versions: keptVersions,
}

const silent: ControlPlaneLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Starts the bundled control plane: HTTPS, TLS 1.3 at least, a CA of its own, one database. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  const lock = await takeDataDirectory(options.dataDir)
  try {
    const store = await openStore(options)
    try {
      return await serve(options, store, () => lock.release())
    } catch (error) {
      await store.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function serve(options: ControlPlaneOptions, store: Store, release: () => void): Promise<RunningControlPlane> {
  const { dataDir, caDir, host, port, config = bundledAlone, names = [], proxyFrom = [], log = silent } = options
  const parts = await openParts({ ...options, config }, store, log)
  const { authority } = parts
  const operatorToken = await openOperatorToken(dataDir)
  const limits = openLimits(store)
  // The one server of its CA alone: two would make two.
  const mayRenewCa = options.database === undefined && caDir === undefined
  const own = await openOwnPair(store, authority, await namesOf(host, names), mayRenewCa)
  const https = renewableHttps(own.pair, parts.clientCa.pem)
  const drain = new Drain()
  const server = openServer({ https, limits, drain, log, proxyFrom })
  const overview = overviewReader(parts)
  const metrics = openMetrics(server, parts, overview, version)
  await fleetSite(server, parts, { overview, limits, ownHash: hashSecret(operatorToken), log })
  await describeCalls(server)
  const { notify } = config
  const channels = notify === null ? [] : openChannels(notify)
  const from = names[0] ?? localHostname()
  const auditKey = await openAuditKey(dataDir)
  const serving = { limits, operatorToken, auditKey, metrics, drain, log, channels, from }
  await addRoutes(server, parts, serving)
  // The address of all addresses is one to listen at, not one to call, and no certificate carries it.
  const url = (await server.listen({ host, port, backlog })).replace('//[::]:', '//[::1]:')
  await durableWrite(join(dataDir, 'url'), Buffer.from(`${url}\n`), 0o644)
  authority.publishAt(publicUrl(url, names))
  await tellHeld(store, log)
  const remind = mayRenewCa ? () => {} : remindOfNextCa(authority, log)
  const background = startBackground(parts, log, async () => {
    await own.tend(https.exchange)
    remind(await store.now())
  })
  const telling = notify === null ? null : startTelling(parts, { settings: notify, channels, from, log })
  return {
    url,
    caPem: authority.caPem,
    operatorToken,
    close: async () => {
      const told = drain.begin()
      parts.bell.close()
      await told
      const late = setTimeout(https.hangUp, longestEndMs)
      await server.close()
      clearTimeout(late)
      metrics.close()
      await Promise.all([parts.signer.end(), background.stop()])
      await telling?.stop()
      // A database that is away keeps nobody from ending.
      await parts.presence
        .flush()
        .catch((error: Error) => log.error({ reason: error.message }, 'who was heard last is not kept'))
      await store.close()
      release()
    },
  }
}

async function openParts(
  options: ControlPlaneOptions & { readonly config: ServerConfig },
  store: Store,
  log: ControlPlaneLog,
): Promise<Parts> {
  const { config } = options
  const authority = await openCa(options, store)
  const issuers = await openIssuers(config, {
    authority,
    store,
    dataDir: options.dataDir,
    solvers: [httpSolver(store)],
    warn: (facts, message) => log.warn(facts, message),
  })
  const now = await store.now()
  await noteAlive(store, now)
  return {
    store,
    authority,
    clientCa: await openClientCa(options.dataDir, options.caDir, now),
    presence: new Presence(store, await store.server.upSince()),
    bell: new WorkBell(),
    pace: new FleetPace(),
    daneDns: options.daneDns ?? openDaneDns(config.dns, config.resolvers),
    oldCredentials: new OldCredentials(store, (agent, reason) => tellTwin(log, agent, reason)),
    issuers: issuers.all,
    keptVersions: config.versions,
    acme: issuers.acme,
    signer: openSigner({ store, check: authority.check, issuers: issuers.all, order: issuers.order }),
  }
}

async function tellHeld(store: Store, log: ControlPlaneLog): Promise<void> {
  const agents = await store.holds.count()
  if (agents > 0) log.info({ agents }, 'the database was put back: what these have is asked first')
}

/** What routes need beside the parts of operations. */
interface Serving {
  readonly limits: Limits
  readonly operatorToken: string
  /** PEM. */
  readonly auditKey: string
  readonly metrics: Metrics
  readonly drain: Drain
  readonly log: ControlPlaneLog
  /** By which people are told. */
  readonly channels: readonly Channel[]
  /** The name under which they are told. */
  readonly from: string
}

async function addRoutes(server: FastifyInstance, parts: Parts, serving: Serving): Promise<void> {
  const { limits, operatorToken, auditKey, metrics, drain, log } = serving
  healthRoutes(server, parts, drain)
  publicCrlRoutes(server, crlPublisher(parts.store, parts.authority), limits)
  agentRegisterRoutes(server, parts, guardToken(parts, limits))
  const agent = guardAgent(parts, limits)
  agentWorkRoutes(server, parts, agent, log)
  // A thousand at once leave room for polls: in the loop, and of the connections to the database.
  agentCsrRoute(server, parts, [guardAgent(parts, limits, parts.signer.inTurn), guardLasting(limits, 'csr')])
  agentReportRoutes(server, parts, agent, guardLasting(limits))
  agentRenewedRoutes(server, parts, agent)
  agentRollbackRoutes(server, parts, [agent, guardLasting(limits)])
  agentLookRoutes(server, parts, agent, [guardLasting(limits)])
  agentCredentialRoutes(server, parts, [agent, guardLasting(limits)])
  const guard = guardOperator(parts, operatorToken, limits)
  metricsRoute(server, metrics, guard)
  await server.register(
    async (operator) => {
      requireLeastRoles(operator)
      operator.addHook('onRequest', guard)
      operatorAgentRoutes(operator, parts)
      operatorLabelRoutes(operator, parts)
      operatorPeopleRoutes(operator, parts)
      operatorTargetRoutes(operator, parts)
      operatorOrderRoutes(operator, parts)
      operatorDaneRoutes(operator, parts)
      operatorCertificateRoutes(operator, parts)
      operatorDiscoveredRoutes(operator, parts)
      operatorIssuerRoutes(operator, parts)
      operatorJobRoutes(operator, parts)
      operatorRenewalRoutes(operator, parts)
      operatorRolloutRoutes(operator, parts)
      operatorWindowRoutes(operator, parts)
      operatorMatterRoutes(operator, parts, serving)
      operatorLookRoutes(operator, parts)
      operatorAuditRoutes(operator, parts, auditKey)
    },
    { prefix: '/operator/v1' },
  )
}

/** As others call this server: by the first name that it was given, and at the port where it listens. */
function publicUrl(url: string, [name]: readonly string[]): string {
  if (name === undefined) return url
  const named = new URL(url)
  named.hostname = name.includes(':') ? `[${name}]` : name
  return named.origin
}

async function namesOf(host: string, names: readonly string[]): Promise<readonly string[]> {
  // The address of all addresses is none of its own.
  const own = ['0.0.0.0', '::'].includes(host) ? [] : [host]
  return [...new Set(['localhost', '127.0.0.1', '::1', ...(await ownNames()), ...own, ...names])]
}
