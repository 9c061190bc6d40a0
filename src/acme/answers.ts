import { type SchemaCheck, schemaCheck } from '../schema/schema-check.ts'
import { plainText } from '../text/plain-text.ts'
import { type Problem, readProblem, unusable } from './problem.ts'

/** What an ACME server offers. */
export interface AcmeDirectory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  readonly revokeCert: string
  /** Below it are the times of renewal (RFC 9773); null: it does not say them. */
  readonly renewalInfo: string | null
  /** The page of the terms that an account accepts; null: there are none. */
  readonly termsOfService: string | null
  /** It takes accounts alone that it gave to its customers before. */
  readonly needsExternalAccount: boolean
  /** As CAA records name it. */
  readonly caaIdentities: readonly string[]
  /** The names of its profiles; none: it has no profiles. */
  readonly profiles: readonly string[]
}

/** How far an ACME order is. */
export interface AcmeOrder {
  readonly url: string
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'
  readonly names: readonly string[]
  /** URLs, one a name. */
  readonly authorizations: readonly string[]
  readonly finalize: string
  /** The URL of the certificate; null: there is none yet. */
  readonly certificate: string | null
  /** Milliseconds since 1970; null: it does not say. */
  readonly expiresAt: number | null
  /** Why it is invalid; null: it does not say. */
  readonly problem: Problem | null
  /** What it asks to be waited for before it is read again; null: nothing. */
  readonly retryAfterMs: number | null
}

/** The proof that an account may have certificates for a name. */
export interface AcmeAuthorization {
  /** Without the `*.` of a wildcard name. */
  readonly name: string
  readonly isWildcard: boolean
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked'
  readonly expiresAt: number | null
  /** Those that we can do, in the server's order. */
  readonly challenges: readonly AcmeChallenge[]
  readonly retryAfterMs: number | null
}

/** One way to prove it. */
export interface AcmeChallenge {
  readonly type: 'dns-01' | 'http-01'
  readonly url: string
  readonly status: 'pending' | 'processing' | 'valid' | 'invalid'
  readonly token: string
  /** Why it failed; null: it did not, or does not say. */
  readonly problem: Problem | null
}

const url = { type: 'string', minLength: 1, maxLength: 2048 } as const
const word = { type: 'string', maxLength: 1024 } as const
const optional = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })
const identifier = { type: 'object', required: ['type', 'value'], properties: { type: word, value: word } } as const

const isDirectory = schemaCheck<RawDirectory>({
  type: 'object',
  required: ['newNonce', 'newAccount', 'newOrder', 'revokeCert'],
  properties: {
    newNonce: url,
    newAccount: url,
    newOrder: url,
    revokeCert: url,
    renewalInfo: optional(url),
    meta: optional({
      type: 'object',
      properties: {
        termsOfService: optional(url),
        externalAccountRequired: optional({ type: 'boolean' }),
        caaIdentities: optional({ type: 'array', maxItems: 100, items: word }),
        profiles: optional({ type: 'object', maxProperties: 100 }),
      },
    }),
  },
})

const isOrder = schemaCheck<RawOrder>({
  type: 'object',
  required: ['status', 'identifiers', 'authorizations', 'finalize'],
  properties: {
    status: { enum: ['pending', 'ready', 'processing', 'valid', 'invalid'] },
    identifiers: { type: 'array', maxItems: 1000, items: identifier },
    authorizations: { type: 'array', maxItems: 1000, items: url },
    finalize: url,
    certificate: optional(url),
    expires: optional(word),
    error: {},
  },
})

const isAuthorization = schemaCheck<RawAuthorization>({
  type: 'object',
  required: ['status', 'identifier', 'challenges'],
  properties: {
    status: { enum: ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] },
    identifier,
    wildcard: optional({ type: 'boolean' }),
    expires: optional(word),
    challenges: { type: 'array', maxItems: 100, items: {} },
  },
})

const isChallenge = schemaCheck<RawChallenge>({
  type: 'object',
  required: ['type', 'url', 'status', 'token'],
  properties: {
    type: { enum: ['dns-01', 'http-01'] },
    url,
    status: { enum: ['pending', 'processing', 'valid', 'invalid'] },
    // At least 128 bits, and the letters of base64url alone: it becomes the name of a file (RFC 8555 §8.3).
    token: { type: 'string', pattern: '^[A-Za-z0-9_-]{16,256}$' },
    error: {},
  },
})

interface RawDirectory extends Pick<AcmeDirectory, 'newNonce' | 'newAccount' | 'newOrder' | 'revokeCert'> {
  readonly renewalInfo?: string | null
  readonly meta?: {
    readonly termsOfService?: string | null
    readonly externalAccountRequired?: boolean | null
    readonly caaIdentities?: readonly string[] | null
    readonly profiles?: object | null
  } | null
}

interface RawIdentifier {
  readonly type: string
  readonly value: string
}

interface RawOrder extends Pick<AcmeOrder, 'status' | 'authorizations' | 'finalize'> {
  readonly identifiers: readonly RawIdentifier[]
  readonly certificate?: string | null
  readonly expires?: string | null
  readonly error?: unknown
}

interface RawAuthorization extends Pick<AcmeAuthorization, 'status'> {
  readonly identifier: RawIdentifier
  readonly wildcard?: boolean | null
  readonly expires?: string | null
  readonly challenges: readonly unknown[]
}

interface RawChallenge extends Pick<AcmeChallenge, 'type' | 'url' | 'status' | 'token'> {
  readonly error?: unknown
}

/** ACME_UNREACHABLE: it is none. */
export function readDirectory(text: string): AcmeDirectory {
  const { newNonce, newAccount, newOrder, revokeCert, renewalInfo, meta } = read(text, isDirectory, 'directory')
  return {
    newNonce,
    newAccount,
    newOrder,
    revokeCert,
    renewalInfo: renewalInfo ?? null,
    termsOfService: meta?.termsOfService == null ? null : plainText(meta.termsOfService, 2048),
    needsExternalAccount: meta?.externalAccountRequired === true,
    caaIdentities: (meta?.caaIdentities ?? []).map((name) => plainText(name, 253)),
    profiles: Object.keys(meta?.profiles ?? {}).map((name) => plainText(name, 100)),
  }
}

/** ACME_UNREACHABLE: it is none. */
export function readOrder(text: string, at: string, retryAfterMs: number | null): AcmeOrder {
  const raw = read(text, isOrder, 'order')
  return {
    url: at,
    status: raw.status,
    names: raw.identifiers.map(({ value }) => value.toLowerCase()),
    authorizations: raw.authorizations,
    finalize: raw.finalize,
    certificate: raw.certificate ?? null,
    expiresAt: timeIn(raw.expires),
    problem: problemIn(raw.error),
    retryAfterMs,
  }
}

/** ACME_UNREACHABLE: it is none, or for a name that was not asked for. */
export function readAuthorization(
  text: string,
  names: readonly string[],
  retryAfterMs: number | null,
): AcmeAuthorization {
  const raw = read(text, isAuthorization, 'authorization')
  const name = raw.identifier.value.toLowerCase()
  const isWildcard = raw.wildcard === true
  // What is published is published for this name.
  if (!names.some((wanted) => wanted.toLowerCase() === (isWildcard ? `*.${name}` : name))) {
    throw unusable('it asks for the proof of a name that was not ordered', { name: plainText(name, 253) })
  }
  const challenges = raw.challenges.filter((one) => isChallenge(one))
  return {
    name,
    isWildcard,
    status: raw.status,
    expiresAt: timeIn(raw.expires),
    challenges: challenges.map(({ type, url: at, status, token, error }) => {
      return { type, url: at, status, token, problem: problemIn(error) }
    }),
    retryAfterMs,
  }
}

function read<T>(text: string, isOne: SchemaCheck<T>, what: string): T {
  let parsed: unknown = null
  try {
    parsed = JSON.parse(text)
  } catch {
    // What is no JSON is no such thing either.
  }
  if (isOne(parsed)) return parsed
  const { instancePath = '', message = '' } = isOne.errors?.[0] ?? {}
  throw unusable(`its answer is no ${what}`, { at: plainText(`${instancePath} ${message}`.trim(), 300) })
}

function problemIn(error: unknown): Problem | null {
  return error === undefined || error === null ? null : readProblem(error)
}

function timeIn(text: string | null | undefined): number | null {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? null : time
}
