import { daneStates, waitedFor } from '../documents/shown-host.ts'

const text = { type: 'string' } as const
const textOrNull = { type: ['string', 'null'] } as const
const countOrNull = { type: ['integer', 'null'], minimum: 0 } as const
const yes = { type: 'boolean' } as const
const texts = { type: 'array', items: text } as const
const time = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT.*Z$' } as const
const timeOrNull = { anyOf: [time, { type: 'null' }] } as const

/** What of a schema says which fields there are. */
interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
  /** A shape, or null. */
  readonly anyOf?: readonly Shape[]
  readonly [keyword: string]: unknown
}

/** Every field is there, and no other: what is not named here does not leave the process. */
function all(properties: Readonly<Record<string, Shape>>): Shape {
  return { type: 'object', required: Object.keys(properties), properties, additionalProperties: false }
}

function listOf(properties: Readonly<Record<string, Shape>>): Shape {
  return { type: 'array', items: all(properties) }
}

const deployed = all({
  at: time,
  names: texts,
  notBefore: time,
  notAfter: time,
  daysLeft: { type: 'integer' },
  lifetimeUsed: { type: 'number', minimum: 0 },
  sha256: text,
  spkiSha256: text,
  proven: yes,
})

const lastJob = all({
  job: textOrNull,
  at: time,
  outcome: { enum: ['deployed', 'unchanged', 'refused', 'rolled-back', 'rollback-failed'] },
  host: { enum: ['untouched', 'restored', 'changed', 'unknown'] },
  code: textOrNull,
  message: text,
  ms: { type: 'number' },
  steps: listOf({ name: text, ms: { type: 'number' } }),
})

const targets = listOf({
  target: text,
  name: text,
  connector: text,
  state: { enum: ['failed', 'drifting', 'late', 'due', 'healthy'] },
  problems: texts,
  deployed: { anyOf: [deployed, { type: 'null' }] },
  lookedAt: timeOrNull,
  files: listOf({ path: text, role: text, leaf: textOrNull, ok: yes }),
  endpoints: listOf({
    address: text,
    protocol: text,
    servername: textOrNull,
    seen: textOrNull,
    ok: yes,
    decides: yes,
    error: textOrNull,
  }),
  dane: listOf({
    owner: text,
    state: { enum: daneStates },
    published: listOf({ value: text, matches: yes }),
    isSecure: yes,
    publish: textOrNull,
    failed: textOrNull,
  }),
  lastJob: { anyOf: [lastJob, { type: 'null' }] },
})

/** JSON schema of `/status`, served as `/status.schema.json`. */
export const statusSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'The status of a Waxseal agent',
  ...all({
    v: { const: 1 },
    version: text,
    hostname: text,
    at: time,
    phase: { enum: ['running', 'draining', 'stopped', 'down'] },
    retired: yes,
    ready: yes,
    notReady: texts,
    controlPlane: all({ url: textOrNull, lastPoll: timeOrNull, lastHeartbeat: timeOrNull, error: textOrNull }),
    currentJobs: texts,
    inbox: countOrNull,
    waiting: listOf({
      job: text,
      kind: text,
      name: text,
      waitsFor: { enum: waitedFor },
      code: textOrNull,
      reason: textOrNull,
      nextTry: timeOrNull,
    }),
    outbox: countOrNull,
    deadLetters: listOf({ job: text, refusal: text }),
    targets,
    recovered: listOf({ target: text, name: text, did: text, code: textOrNull }),
    setAside: texts,
    warnings: texts,
  }),
}

/** The value with the fields that the schema names, on each level, and no other. */
export function namedFields(value: unknown, { properties = {}, items = {}, anyOf }: Shape = statusSchema): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (anyOf !== undefined) return namedFields(value, anyOf[0] ?? {})
  if (Array.isArray(value)) return value.map((item) => namedFields(item, items))
  const fields = new Map(Object.entries(value))
  return Object.fromEntries(
    Object.entries(properties).map(([name, shape]) => [name, namedFields(fields.get(name), shape)]),
  )
}
