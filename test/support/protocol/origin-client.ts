import { readFileSync } from 'node:fs'
import type { Offer, Place, ProtocolAgent, ProtocolClient } from './client.ts'
import { openHttps } from './https.ts'

type Fields = Readonly<Record<string, unknown>>

interface Exchange {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly body?: Fields
  readonly status: number
  readonly answer: Fields
}

const exchanges = JSON.parse(
  readFileSync(new URL('../../fixtures/origin-exchanges.json', import.meta.url), 'utf8'),
) as readonly Exchange[]

/** What the other agent reads of an answer: by the exchange, the fields of it that have to be as they were recorded, in kind. */
const read: Readonly<Record<string, readonly string[]>> = {
  register: ['id', 'name', 'hostname', 'status', 'registered_at'],
  heartbeat: ['status'],
  'no work': ['count', 'jobs'],
  CSR: ['status'],
  certificate: ['certificate_pem'],
  status: ['status'],
}

/** Those whose word for the status is the recorded one. */
const exact: ReadonlySet<string> = new Set(['heartbeat', 'CSR', 'status'])

/** What it reads of a job, by the exchange that has one of its kind. */
const ofJobs = { 'a CSR is wanted': 'AwaitingCSR', 'a deployment': 'Running' } as const

/**
 * A client that sends what was recorded of the agent that the protocol comes from, to the letter: paths, headers and bodies, with the ids of
 * this server in the place of those. It knows no additions, and throws where an answer is not of the kind that was recorded.
 */
export function openOriginClient(place: Place): ProtocolClient {
  const https = openHttps(place)
  const send = async (
    name: string,
    credential: string,
    ids: Readonly<Record<string, string>>,
    changes: Fields = {},
  ): Promise<Fields> => {
    const { method, path, body, status, answer } = exchangeOf(name)
    const recorded = await https.send({
      method,
      path: path.replaceAll(/\{(\w+)\}/g, (_, kind: string) => ids[kind] ?? ''),
      headers: { 'user-agent': 'Go-http-client/1.1', 'accept-encoding': 'gzip', authorization: `Bearer ${credential}` },
      body: body === undefined ? null : { ...body, ...changes },
    })
    if (recorded.refused !== null) throw recorded.refused
    if (recorded.status !== status) throw new Error(`${name}: ${recorded.status}, and ${status} was recorded`)
    const fields = JSON.parse(recorded.text) as Fields
    requireKinds(name, read[name] ?? [], answer, fields)
    if (exact.has(name) && fields['status'] !== answer['status'])
      throw new Error(`${name}: ${String(fields['status'])}`)
    return fields
  }
  return {
    title: 'one that speaks as it was recorded',
    register: async (token, name) => {
      const { id, api_key } = await send('register', token, {}, { name, hostname: `${name}.example.net` })
      return { id: String(id), credential: String(api_key) }
    },
    open: ({ id, credential }) =>
      agentOf((name, ids = {}, changes = {}) => send(name, credential, { agent: id, ...ids }, changes), id),
    close: https.close,
  }
}

function agentOf(
  send: (name: string, ids?: Readonly<Record<string, string>>, changes?: Fields) => Promise<Fields>,
  agent_id: string,
): ProtocolAgent {
  return {
    heartbeat: async () => {
      await send('heartbeat')
      return []
    },
    work: async () => ((await send('no work'))['jobs'] as readonly Fields[]).map(offerOf),
    csr: async (certificate_id, csr_pem) => {
      await send('CSR', {}, { certificate_id, csr_pem })
    },
    certificate: async (certificate) => String((await send('certificate', { certificate }))['certificate_pem']),
    report: async (job, status) => {
      await send('status', { job }, { status })
    },
    verify: async ({ jobId: job, targetId: target_id, fingerprint }) => {
      const seen = { expected_fingerprint: fingerprint, actual_fingerprint: fingerprint }
      await send('verification with a larger role', { job }, { target_id, ...seen })
    },
    drift: async (_, reason) => {
      await send('discovery', {}, { agent_id, errors: [reason] })
    },
    additions: null,
  }
}

function offerOf(job: Fields): Offer {
  const isCsr = job['status'] === 'AwaitingCSR'
  const name = isCsr ? 'a CSR is wanted' : 'a deployment'
  const [recorded] = exchangeOf(name).answer['jobs'] as readonly [Fields]
  requireKinds(name, Object.keys(recorded), recorded, job)
  if (job['status'] !== ofJobs[name]) throw new Error(`a job is ${String(job['status'])}`)
  return { id: String(job['id']), kind: isCsr ? 'csr' : 'deployment', certificateId: String(job['certificate_id']) }
}

function exchangeOf(name: string): Exchange {
  const exchange = exchanges.find((one) => one.name === name)
  if (exchange === undefined) throw new Error(`no exchange is called ${name}`)
  return exchange
}

function requireKinds(name: string, fields: readonly string[], recorded: Fields, got: Fields): void {
  for (const field of fields)
    if (kindOf(recorded[field]) !== kindOf(got[field]))
      throw new Error(`${name}: ${field} is ${kindOf(got[field])}, and ${kindOf(recorded[field])} was recorded`)
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value
}
