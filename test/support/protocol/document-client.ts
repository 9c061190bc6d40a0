import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Offer, Place, ProtocolAgent, ProtocolClient } from './client.ts'
import { openHttps } from './https.ts'

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
  readonly security?: readonly object[]
}

const document = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
const ajv = new Ajv2020({ strict: false, validateFormats: false })

/** What this client knows, by the names of the protocol. */
const features = ['drift', 'lease', 'cancel', 'csr_accepted', 'wait', 'credential']

interface Call {
  readonly credential: string
  /** What is put into the path and the query. */
  readonly given?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

/**
 * A client that was written from the protocol and docs/openapi.json, and knows nothing else. It throws where the server answers what the
 * document does not have: another status, another type, another shape, or a field that is not in it.
 */
export function openDocumentClient(place: Place): ProtocolClient {
  const https = openHttps(place)
  const call = async (name: string, { credential, given = {}, headers = {}, body }: Call): Promise<Fields> => {
    const [method = '', template = ''] = name.split(' ')
    const operation = document.paths[template]?.[method.toLowerCase()]
    if (operation === undefined) throw new Error(`the document has no ${name}`)
    const ofBody = operation.requestBody?.content?.['application/json']
    if (body !== undefined) hold(`what is sent to ${name}`, ofBody?.schema, body)
    const query = (operation.parameters ?? []).filter((one) => one.in === 'query' && one.name in given)
    const path = template.replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(given[key] ?? ''))
    const search = new URLSearchParams(query.map((one) => [one.name, given[one.name] ?? '']))
    const answer = await https.send({
      method,
      path: query.length === 0 ? path : `${path}?${search}`,
      headers: { ...headers, authorization: `Bearer ${credential}` },
      body: body ?? null,
    })
    const { status, contentType, text } = answer
    const of = operation.responses[status] ?? operation.responses[`${String(status)[0]}XX`]
    const type = contentType.split(';')[0] ?? ''
    const schema = of?.content?.[type]?.schema
    if (schema === undefined) throw new Error(`the document has no answer ${status} of ${type} to ${name}`)
    const fields = JSON.parse(text) as Fields
    hold(`the answer ${status} to ${name}`, schema, fields)
    if (answer.refused !== null) throw answer.refused
    requireDescribed(name, schema, fields)
    return fields
  }
  return {
    title: 'one written from the document',
    register: async (token, name, key) => {
      const headers = key === undefined ? {} : { 'idempotency-key': key }
      const body = { name, hostname: `${name}.example.net`, features }
      const { id, api_key } = await call('POST /api/v1/agents', { credential: token, headers, body })
      return { id: String(id), credential: String(api_key) }
    },
    open: ({ id, credential }) =>
      agentOf((name, given, body) => call(name, { credential, given: { id, ...given }, ...(body && { body }) })),
    close: https.close,
  }
}

type Fields = Readonly<Record<string, unknown>>

function agentOf(call: (name: string, given?: Call['given'], body?: object) => Promise<Fields>): ProtocolAgent {
  const agent = '/api/v1/agents/{id}'
  return {
    heartbeat: async () => (await call(`POST ${agent}/heartbeat`, {}, { features }))['cancel'] as readonly string[],
    work: async (wait) => {
      const { jobs } = await call(`GET ${agent}/work`, wait === undefined ? {} : { wait: String(wait) })
      return (jobs as readonly Fields[]).map(offerOf)
    },
    csr: async (certificate_id, csr_pem) => {
      await call(`POST ${agent}/csr`, {}, { certificate_id, csr_pem })
    },
    certificate: async (certificate) =>
      String((await call(`GET ${agent}/certificates/{certificate}`, { certificate }))['certificate_pem']),
    report: async (job, status) => {
      await call(`POST ${agent}/jobs/{job}/status`, { job }, { status })
    },
    verify: async ({ jobId: job, targetId: target_id, fingerprint }) => {
      const seen = { expected_fingerprint: fingerprint, actual_fingerprint: fingerprint, verified: true }
      await call('POST /api/v1/jobs/{job}/verify', { job }, { target_id, ...seen })
    },
    drift: async (target_id, reason) => {
      const drift = [{ target_id, looked_at: new Date().toISOString(), reasons: [reason] }]
      await call(`POST ${agent}/discoveries`, {}, { certificates: [], errors: [reason], drift })
    },
    additions: {
      renewLease: async (job) => {
        await call(`POST ${agent}/jobs/{job}/lease`, { job })
      },
      exchange: async () => String((await call(`POST ${agent}/credential`))['api_key']),
    },
  }
}

function offerOf({ id, type, status, certificate_id }: Fields): Offer {
  const kind = status === 'AwaitingCSR' ? 'csr' : type === 'Deployment' ? 'deployment' : 'other'
  return { id: String(id), kind, certificateId: String(certificate_id) }
}

const checks = new Map<Schema, ReturnType<typeof ajv.compile>>()

function hold(what: string, schema: Schema | undefined, value: unknown): void {
  if (schema === undefined) throw new Error(`the document does not know ${what}`)
  const check = checks.get(schema) ?? ajv.compile(schema)
  checks.set(schema, check)
  if (!check(value)) throw new Error(`the document is not held by ${what}: ${ajv.errorsText(check.errors)}`)
}

/** Every field, also of each thing in a list. */
function requireDescribed(what: string, schema: Schema, value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) if (schema.items !== undefined) requireDescribed(what, schema.items, item)
    return
  }
  if (typeof value !== 'object' || value === null || schema.properties === undefined) return
  for (const [field, inner] of Object.entries(value)) {
    const known = schema.properties[field]
    if (known === undefined) throw new Error(`the document does not have ${field} of the answer to ${what}`)
    requireDescribed(what, known, inner)
  }
}
