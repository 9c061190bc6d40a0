import { createHash } from 'node:crypto'
import { type SchemaCheck, schemaCheck } from '../../schema/schema-check.ts'

/** What a file of a document holds beside it. */
export interface Envelope<T> {
  readonly v: 1
  readonly id: string
  /** Milliseconds since 1970 of the first `put` of this id. */
  readonly since: number
  readonly document: T
}

/** Whether a value is an envelope, and its document of the schema that was asked for. */
export type EnvelopeCheck<T> = SchemaCheck<Envelope<T>>

const checks = new WeakMap<object, EnvelopeCheck<unknown>>()

/** One check per schema, however often its folder is opened. */
export function envelopeCheck<T>(schema: object): EnvelopeCheck<T> {
  const check = checks.get(schema) ?? schemaCheck<Envelope<unknown>>(envelopeSchema(schema))
  checks.set(schema, check)
  return check as EnvelopeCheck<T>
}

/** JSON schema of an envelope. Closed: what is left of a digest that was damaged must not pass for an envelope that never had one. */
export function envelopeSchema(schema: object): object {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['v', 'id', 'since', 'document'],
    properties: { v: { const: 1 }, id: { type: 'string' }, since: { type: 'number' }, document: schema },
  }
}

/** The bytes of a file: one JSON object, whose last member is the SHA-256 of all that stands before it. */
export function sealEnvelope(envelope: Envelope<unknown>): Buffer {
  const body = Buffer.from(JSON.stringify(envelope).slice(0, -1))
  return Buffer.concat([body, Buffer.from(`,"sha256":"${digestOf(body)}"}\n`)])
}

const sealBytes = `,"sha256":"${'0'.repeat(64)}"}\n`.length
const seal = /^,"sha256":"([0-9a-f]{64})"\}\n$/

/** What is in the bytes of a file; null: they are torn, or were changed. The version before this one wrote no digest. */
export function openEnvelope(bytes: Uint8Array): unknown {
  const digest = seal.exec(Buffer.from(bytes.subarray(-sealBytes)).toString('latin1'))?.[1]
  if (digest === undefined) return parseJson(bytes)
  const body = bytes.subarray(0, -sealBytes)
  return digestOf(body) === digest ? parseJson(Buffer.concat([body, Buffer.from('}')])) : null
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return null
  }
}
