import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { type Authority, openAuthority } from '../../../src/server/authority/authority.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { startMailServer } from '../../support/daemons.ts'
import { targetOf } from '../../support/deployment.ts'
import { type HttpsServer, json, startHttpsServer } from '../../support/https-server.ts'
import { startWaxseal, type WaxsealProcess } from '../../support/process.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { servedLeaf } from '../../support/served-leaf.ts'
import { type Canaries, openCanaries } from './canaries.ts'

type Fields = Readonly<Record<string, unknown>>

/** What the control plane was told of a job in the end. */
export interface Final {
  readonly status: string
  readonly error?: string
  readonly outcome?: { readonly outcome: string; readonly code?: string; readonly host: string }
}

/** A control plane that does what its test says, an honest Postfix, and an agent that is root. */
export interface HostileSite {
  readonly dir: string
  /** The one folder where policy lets jobs write. */
  readonly etc: string
  readonly server: HttpsServer
  readonly daemon: Daemon
  readonly canaries: Canaries
  readonly agent: WaxsealProcess
  /** Hands these items out at the next poll. */
  send(...items: readonly unknown[]): void
  /** A deployment onto the target with this configuration, whose certificate and key are good. */
  deployment(config: Fields, more?: Fields): Fields & { readonly id: string }
  /** What the job was in the end. */
  finalOf(id: string): Promise<Final>
  /** From now on calls that match are answered so. */
  intercept(answer: ((path: string, response: ServerResponse) => boolean) | null): void
  /** Resolves when what was sent was fetched. */
  polled(): Promise<void>
  /** The certificate that is handed out, PEM; a test may exchange it. */
  certificate: string
  /** Has a key and a CSR made, and a certificate for it. `more`: what its jobs have beside that. */
  issue(more?: Fields): Promise<void>
  /** A new certificate of the honest CA is deployed onto Postfix, which serves it. Returns what is wrong; null: nothing. */
  honestWork(more?: Fields): Promise<string | null>
  /** Everything that was said to the control plane, and by the agent to its log. */
  said(): readonly string[]
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  close(): Promise<void>
}

/** Starts it all; `differing` from the usual configuration of the agent. */
export async function startHostileSite(differing: Fields | ((dir: string) => Fields) = {}): Promise<HostileSite> {
  const dir = await makeTemporaryFolder('waxseal-hostile-')
  const changes = typeof differing === 'function' ? differing(dir) : differing
  const etc = join(dir, 'etc')
  for (const folder of ['etc', 'etc/postfix', 'ca']) await makeFolder(join(dir, folder))
  const authority = await openAuthority(join(dir, 'ca'))
  const issued = await authority.issueServerPair(['127.0.0.1'])
  const server = await startHttpsServer({ ...issued, chainPem: '', sha256: '' } satisfies TestPair)
  const first = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
  const daemon = await startMailServer(join(etc, 'postfix'), first)
  const canaries = await openCanaries(dir)
  await writeText(join(dir, 'ca.pem'), authority.caPem)
  await writeText(join(dir, 'credential'), canaries.secret, 0o600)
  const config = {
    control_plane: {
      url: server.url,
      ca_file: join(dir, 'ca.pem'),
      agent_id: 'agent-1',
      credential_file: join(dir, 'credential'),
    },
    state_dir: join(dir, 'state'),
    poll_interval: '200ms',
    heartbeat_interval: '1s',
    status: { listen: `unix:${join(dir, 'status.sock')}` },
    drift_watch: 'off',
    ...changes,
    policy: {
      roots: [etc],
      names: ['mail.example.net'],
      commands: [daemon.check.join(' '), daemon.reload.join(' '), 'true', 'false'],
      dane: 'off',
      ...(changes['policy'] as Fields | undefined),
    },
  }
  await writeText(join(dir, 'waxseal.yaml'), JSON.stringify(config), 0o600)
  return new Site({ dir, etc, server, daemon, canaries, authority })
}

type Parts = Pick<HostileSite, 'dir' | 'etc' | 'server' | 'daemon' | 'canaries'> & { readonly authority: Authority }

class Site implements HostileSite {
  readonly dir: string
  readonly etc: string
  readonly server: HttpsServer
  readonly daemon: Daemon
  readonly canaries: Canaries
  agent: WaxsealProcess
  certificate = ''
  readonly #authority: Authority
  readonly #finals = new Map<string, Final>()
  readonly #wakers = new Set<() => void>()
  readonly #log: string[] = []
  #waiting: unknown[] = []
  #intercept: ((path: string, response: ServerResponse) => boolean) | null = null
  #csr: string | null = null
  #count = 0

  constructor({ dir, etc, server, daemon, canaries, authority }: Parts) {
    this.dir = dir
    this.etc = etc
    this.server = server
    this.daemon = daemon
    this.canaries = canaries
    this.#authority = authority
    server.answer((request, response) => this.#answer(request.url ?? '', response))
    this.agent = this.#start()
  }

  #start(env: Readonly<Record<string, string>> = {}): WaxsealProcess {
    return startWaxseal(['agent', '--config', join(this.dir, 'waxseal.yaml')], env)
  }

  #answer(path: string, response: ServerResponse): void {
    const { body } = this.server.requests.at(-1) ?? { body: null }
    if (this.#intercept?.(path, response) === true) return
    if (path.includes('/work')) {
      const jobs = this.#waiting.splice(0, 900)
      json(200, { jobs, count: jobs.length })(null as never, response)
      for (const wake of this.#wakers) wake()
      return
    }
    if (path.includes('/certificates/'))
      return json(200, { certificate_pem: this.certificate })(null as never, response)
    if (path.endsWith('/csr')) this.#csr = (body as { readonly csr_pem: string }).csr_pem
    const id = /\/jobs\/([^/]+)\/status$/.exec(path)?.[1]
    const final = body as Final | null
    if (id !== undefined && final !== null && /^(Completed|Failed)$/.test(final.status))
      this.#finals.set(decodeURIComponent(id), final)
    json(200, { status: 'updated' })(null as never, response)
    for (const wake of this.#wakers) wake()
  }

  send(...items: readonly unknown[]): void {
    this.#waiting.push(...items)
  }

  deployment(config: Fields, more: Fields = {}): Fields & { readonly id: string } {
    this.#count += 1
    return {
      id: `job-${this.#count}`,
      type: 'Deployment',
      certificate_id: 'cert-1',
      target_id: `target-${this.#count}`,
      target_type: 'Postfix',
      target_config: config,
      status: 'Running',
      ...more,
    }
  }

  async finalOf(id: string): Promise<Final> {
    return this.#until(() => this.#finals.get(id))
  }

  intercept(answer: ((path: string, response: ServerResponse) => boolean) | null): void {
    this.#intercept = answer
  }

  async polled(): Promise<void> {
    await this.#until(() => (this.#waiting.length === 0 ? true : undefined))
  }

  async issue(more: Fields = {}): Promise<void> {
    if (this.#csr === null) {
      const issuance = { id: 'csr-1', type: 'Issuance', certificate_id: 'cert-1', status: 'AwaitingCSR', ...more }
      this.send({ ...issuance, common_name: 'mail.example.net', sans: ['mail.example.net'] })
    }
    const csr = await this.#until(() => this.#csr ?? undefined)
    this.certificate = (await this.#authority.sign(csr, ['mail.example.net'], 90)) + this.#authority.caPem
  }

  async honestWork(more: Fields = {}): Promise<string | null> {
    await this.issue(more)
    const { certPath } = this.daemon
    const job = this.deployment(targetOf(this.daemon), { target_id: 'honest', ...more })
    this.send(job)
    const final = await this.finalOf(job.id)
    if (final.status !== 'Completed') return JSON.stringify(final)
    const [port] = this.daemon.ports
    const served = port === undefined ? null : await servedLeaf(port)
    return served !== null && (await readFile(certPath, 'utf8')).startsWith(this.certificate.slice(0, 200))
      ? null
      : 'not served'
  }

  said(): readonly string[] {
    const told = this.server.requests.map(({ path, body }) => `${path} ${JSON.stringify(body)}`)
    return [...told, ...this.#log, ...this.agent.lines.map((line) => JSON.stringify(line))]
  }

  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.agent.kill('SIGTERM')
    await this.agent.exited
    this.#log.push(...this.agent.lines.map((line) => JSON.stringify(line)))
    this.agent = this.#start(env)
  }

  async close(): Promise<void> {
    this.agent.killAll()
    await this.agent.exited
    await Promise.all([this.server.close(), this.daemon.stop(), this.canaries.close()])
    await removeWhenQuiet(this.dir)
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve)
        void this.agent.exited.then(() => resolve())
      }).finally(() => this.#wakers.clear())
      if (this.agent.lines.some(({ msg }) => msg === 'agent ends')) throw new Error('the agent has ended')
    }
  }
}
