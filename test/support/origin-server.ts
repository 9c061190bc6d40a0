import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Authority, openAuthority } from '../../src/server/authority/authority.ts'
import { type HttpsServer, type ReceivedRequest, startHttpsServer } from './https-server.ts'

/** One exchange as it was recorded of the server that the protocol comes from; `{agent}` and others stand for ids. */
export interface Exchange {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly status: number
  readonly answer: Readonly<Record<string, unknown>>
}

/** Every exchange that was recorded. */
export const exchanges: readonly Exchange[] = JSON.parse(
  readFileSync(new URL('../fixtures/origin-exchanges.json', import.meta.url), 'utf8'),
) as Exchange[]

interface Job {
  readonly id: string
  readonly type: 'Issuance' | 'Deployment'
  readonly agent: string
  readonly certificate: string
  readonly target: string | null
  /** As its agent said last. */
  status: string
  readonly said: { readonly status: string; readonly error?: string }[]
}

interface Certificate {
  readonly id: string
  readonly agent: string
  readonly commonName: string
  readonly sans: readonly string[]
  readonly targets: readonly string[]
  pem: string | null
}

interface Target {
  readonly type: string
  readonly config: Readonly<Record<string, unknown>>
}

/** What a key may do: `registrar` registers agents, and nothing else. */
type Role = 'agent' | 'operator' | 'registrar'

/** A server that answers as the recorded one did, refusals included, over real HTTPS. */
export interface OriginServer {
  readonly url: string
  readonly caPem: string
  readonly requests: readonly ReceivedRequest[]
  readonly jobs: readonly Job[]
  /** The operator makes an agent and a key for it; no registration hands one out. */
  addAgent(name: string): { readonly id: string; readonly key: string }
  addKey(role: Role): string
  addTarget(target: Target): string
  /** A certificate that its agent is to make a key for, and where it goes. Its id. */
  request(
    agent: string,
    names: { readonly commonName: string; readonly sans: readonly string[] },
    targets: readonly string[],
  ): string
  /** A certificate whose key is on the host already, with a deployment that waits. */
  deploy(agent: string, pem: string, target: string): { readonly certificate: string; readonly job: string }
  /** What was not fetched until now is marked Running, and handed out to nobody. */
  tick(): void
  retire(agent: string): void
  /** From now on registration wants this token, in the one header that the key is in. */
  wantToken(): void
  /** From now on the keys of agents may report verifications. */
  allowVerification(): void
  close(): Promise<void>
}

/** Starts one; its CA is kept in `dir`. */
export async function startOriginServer(dir: string, address = '127.0.0.1'): Promise<OriginServer> {
  const authority = await openAuthority(dir)
  const pair = { ...(await authority.issueServerPair([address])), chainPem: '', sha256: '' }
  const server = await startHttpsServer(pair, 'TLSv1.3', address)
  const origin = new Origin(server, authority)
  server.answer((request, response) => void origin.answer(request, response))
  return origin
}

/** What counts up in ids. */
let serial = 40

function newId(kind: string): string {
  serial += 1
  return `${kind}-${process.hrtime.bigint()}-${serial}`
}

class Origin implements OriginServer {
  readonly url: string
  readonly caPem: string
  readonly jobs: Job[] = []
  readonly #server: HttpsServer
  readonly #authority: Authority
  readonly #keys = new Map<string, Role>()
  readonly #agents = new Map<string, { readonly name: string; isRetired: boolean }>()
  readonly #certificates = new Map<string, Certificate>()
  readonly #targets = new Map<string, Target>()
  #wantsToken = false
  #mayVerify = false

  constructor(server: HttpsServer, authority: Authority) {
    this.#server = server
    this.#authority = authority
    this.url = server.url
    this.caPem = authority.caPem
  }

  get requests(): readonly ReceivedRequest[] {
    return this.#server.requests
  }

  addAgent(name: string): { readonly id: string; readonly key: string } {
    const id = newId('agent')
    this.#agents.set(id, { name, isRetired: false })
    return { id, key: this.addKey('agent') }
  }

  addKey(role: Role): string {
    const key = newId('key')
    this.#keys.set(key, role)
    return key
  }

  addTarget(target: Target): string {
    const id = newId('target')
    this.#targets.set(id, target)
    return id
  }

  request(agent: string, names: Pick<Certificate, 'commonName' | 'sans'>, targets: readonly string[]): string {
    const id = newId('cert')
    this.#certificates.set(id, { id, agent, ...names, targets, pem: null })
    this.#add({ type: 'Issuance', agent, certificate: id, target: null, status: 'AwaitingCSR' })
    return id
  }

  deploy(agent: string, pem: string, target: string): { readonly certificate: string; readonly job: string } {
    const certificate = newId('cert')
    this.#certificates.set(certificate, { id: certificate, agent, commonName: '', sans: [], targets: [], pem })
    const job = this.#add({ type: 'Deployment', agent, certificate, target, status: 'Pending' })
    return { certificate, job: job.id }
  }

  tick(): void {
    for (const job of this.jobs) if (job.status === 'Pending') job.status = 'Running'
  }

  retire(agent: string): void {
    const row = this.#agents.get(agent)
    if (row !== undefined) row.isRetired = true
  }

  wantToken(): void {
    this.#wantsToken = true
  }

  allowVerification(): void {
    this.#mayVerify = true
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request
    const role = this.#keys.get((request.headers.authorization ?? '').replace(/^Bearer /, ''))
    const body = (this.requests.at(-1)?.body ?? {}) as Readonly<Record<string, unknown>>
    const [status, answer] = role === undefined ? as('a wrong key') : await this.#route(method, path, body, role)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }

  async #route(method: string, path: string, body: Readonly<Record<string, unknown>>, role: string): Promise<Answer> {
    const [, agent = '', call = '', inner = ''] =
      /^\/api\/v1\/agents(?:\/([^/]+)\/([^/]+)(?:\/([^/]+))?)?/.exec(path) ?? []
    if (path === '/api/v1/agents') return this.#register(body, role)
    if (path.endsWith('/verify')) return this.#verify(path.split('/').at(-2) ?? '', body, role)
    if (role === 'registrar') return as('register, role too small')
    const row = this.#agents.get(agent)
    if (call === 'heartbeat') {
      if (row === undefined) return as('heartbeat of an unknown agent')
      return row.isRetired ? as('heartbeat of a retired agent') : as('heartbeat')
    }
    if (call === 'work') {
      if (row === undefined) return as('work of an unknown agent')
      return row.isRetired ? as('work of a retired agent') : this.#work(agent)
    }
    if (call === 'csr') return this.#csr(body)
    if (call === 'certificates') {
      const { pem } = this.#certificates.get(inner) ?? { pem: '' }
      return [200, { certificate_pem: pem }]
    }
    if (call === 'jobs') return this.#status(inner, body)
    return this.#discover(agent, body, method)
  }

  #register(body: Readonly<Record<string, unknown>>, role: string): Answer {
    if (this.#wantsToken) return as('register, token and key both wanted')
    if (role === 'agent') return as('register, role too small')
    if ([...this.#agents.values()].some(({ name }) => name === body['name'])) return as('register, name taken')
    const id = newId('agent')
    this.#agents.set(id, { name: String(body['name']), isRetired: false })
    return as('register', { agent: id, time: now() }, body)
  }

  #work(agent: string): Answer {
    const jobs = this.jobs.filter(
      (job) => job.agent === agent && (job.status === 'AwaitingCSR' || job.status === 'Pending'),
    )
    const items = jobs.map((job) => this.#item(job))
    for (const job of jobs) if (job.status === 'Pending') job.status = 'Running'
    return [200, { count: items.length, jobs: items }]
  }

  #item({ id, type, certificate, target }: Job): object {
    const common = { id, type, certificate_id: certificate }
    const { commonName, sans } = this.#certificates.get(certificate) ?? {}
    if (target === null) return { ...common, common_name: commonName, sans, status: 'AwaitingCSR' }
    const { type: kind, config = {} } = this.#targets.get(target) ?? {}
    return { ...common, target_id: target, target_type: kind, target_config: redacted(config), status: 'Running' }
  }

  /** Signing happens in the request; then the deployments wait to be fetched. The same again is the same answer. */
  async #csr(body: Readonly<Record<string, unknown>>): Promise<Answer> {
    const row = this.#certificates.get(String(body['certificate_id']))
    if (row === undefined) return as('work of an unknown agent')
    const names = [...new Set([row.commonName, ...row.sans])]
    row.pem = (await this.#authority.sign(String(body['csr_pem']), names, 90)) + this.#authority.caPem
    for (const job of this.jobs) if (job.certificate === row.id && job.target === null) job.status = 'Completed'
    for (const target of row.targets.filter((one) => !this.#isWaiting(row.id, one)))
      this.#add({ type: 'Deployment', agent: row.agent, certificate: row.id, target, status: 'Pending' })
    return as('CSR')
  }

  #isWaiting(certificate: string, target: string): boolean {
    return this.jobs.some((job) => job.certificate === certificate && job.target === target && job.status === 'Pending')
  }

  #status(id: string, body: Readonly<Record<string, unknown>>): Answer {
    const job = this.jobs.find((one) => one.id === id)
    if (job === undefined) return as('status of an unknown job')
    job.status = String(body['status'])
    job.said.push({ status: job.status, ...('error' in body ? { error: String(body['error']) } : {}) })
    return as('status')
  }

  #verify(job: string, body: Readonly<Record<string, unknown>>, role: string): Answer {
    if (role === 'agent' && !this.#mayVerify) return as("verification with the agents' role")
    if (body['actual_fingerprint'] === '') return as('verification, nothing seen')
    return as('verification with a larger role', { job, time: now() })
  }

  #discover(agent: string, { certificates, errors }: Readonly<Record<string, unknown>>, _method: string): Answer {
    const isEmpty = [certificates, errors].every((list) => (list as readonly unknown[] | null)?.length === 0)
    return isEmpty ? as('discovery with nothing') : as('discovery', { agent, time: now() })
  }

  #add(job: Omit<Job, 'id' | 'said'>): Job {
    const added = { ...job, id: newId('job'), said: [] }
    this.jobs.push(added)
    return added
  }
}

type Answer = readonly [status: number, body: unknown]

/** The recorded answer, with these ids in the place of its own; a registration gives back what it was told. */
function as(
  name: string,
  ids: Readonly<Record<string, string>> = {},
  told: Readonly<Record<string, unknown>> = {},
): Answer {
  const exchange = exchanges.find((one) => one.name === name)
  if (exchange === undefined) throw new Error(`no exchange is called ${name}`)
  const text = JSON.stringify(exchange.answer).replaceAll(/\{(\w+)\}/g, (whole, id: string) => ids[id] ?? whole)
  const answer = JSON.parse(text) as Readonly<Record<string, unknown>>
  const back = Object.entries(told).filter(([field]) => field in answer)
  return [exchange.status, { ...answer, ...Object.fromEntries(back) }]
}

/** Each text whose field sounds like a secret. */
function redacted(config: Readonly<Record<string, unknown>>): object {
  const sounds = /key|password|secret|token|hmac|private|credentials/
  return Object.fromEntries(
    Object.entries(config).map(([field, value]) => [
      field,
      sounds.test(field) && typeof value === 'string' ? '********' : value,
    ]),
  )
}

/** Times have nanoseconds there. */
function now(): string {
  return new Date().toISOString().replace('Z', `${String(process.hrtime.bigint() % 1_000_000n).padStart(6, '0')}Z`)
}
