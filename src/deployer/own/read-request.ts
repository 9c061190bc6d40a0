import type { AcmeJwk } from '../../acme/acme-key.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { schemaCheck } from '../../schema/schema-check.ts'

/** A request for a CA, as the courier wants it signed: the two parts of a JWS, base64url. */
export interface UnsignedRequest {
  readonly protected: string
  readonly payload: string
}

/** What may be signed. */
export type AcmeIntent =
  /** It reads, or says that a challenge may be looked at: for what, only its URL says. */
  | { readonly kind: 'read' | 'ready' }
  | { readonly kind: 'find-account' }
  | { readonly kind: 'new-account'; readonly contact: readonly string[]; readonly agreed: boolean }
  | {
      readonly kind: 'order'
      readonly names: readonly string[]
      readonly profile: string | null
      readonly replaces: string | null
    }
  /** DER, base64url. */
  | { readonly kind: 'finalize'; readonly csr: string }

interface Header {
  readonly alg: 'ES256'
  readonly kid?: string
  readonly jwk?: AcmeJwk
  readonly nonce: string
  readonly url: string
}

const url = { type: 'string', maxLength: 2048, pattern: '^https://' } as const
const isHeader = schemaCheck<Header>({
  type: 'object',
  additionalProperties: false,
  required: ['alg', 'nonce', 'url'],
  properties: {
    alg: { const: 'ES256' },
    kid: url,
    jwk: { type: 'object' },
    nonce: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,512}$' },
    url,
  },
})

const text = { type: 'string', maxLength: 1024 } as const
const closed = (properties: Readonly<Record<string, object>>, required: readonly string[]): object => {
  return { type: 'object', additionalProperties: false, required, properties }
}

interface OrderPayload {
  readonly identifiers: readonly { readonly type: 'dns'; readonly value: string }[]
  readonly profile?: string
  readonly replaces?: string
}

const isEmpty = schemaCheck<object>(closed({}, []))
const isLookup = schemaCheck<object>(closed({ onlyReturnExisting: { const: true } }, ['onlyReturnExisting']))
const isAccount = schemaCheck<{ readonly termsOfServiceAgreed: boolean; readonly contact?: readonly string[] }>(
  closed({ termsOfServiceAgreed: { type: 'boolean' }, contact: { type: 'array', maxItems: 10, items: text } }, [
    'termsOfServiceAgreed',
  ]),
)
const isOrder = schemaCheck<OrderPayload>(
  closed(
    {
      identifiers: {
        type: 'array',
        minItems: 1,
        maxItems: 1000,
        items: closed({ type: { const: 'dns' }, value: text }, ['type', 'value']),
      },
      profile: text,
      replaces: text,
    },
    ['identifiers'],
  ),
)
const isFinalize = schemaCheck<{ readonly csr: string }>(
  closed({ csr: { type: 'string', maxLength: 65_536, pattern: '^[A-Za-z0-9_-]+$' } }, ['csr']),
)

/**
 * What a request wants of the CA with this directory. SIGNING_NOT_ALLOWED: it is for another server, by another key, or anything else than
 * what a renewal needs: no revocation, no change of the account or of its key.
 */
export function readRequest(request: UnsignedRequest, directory: string, jwk: AcmeJwk): AcmeIntent {
  const header = decoded(request.protected)
  if (!isHeader(header)) throw refused('its header is not one of ACME')
  const { alg, kid, jwk: given, nonce, url: at } = header
  const isByAccount = kid !== undefined
  if (isByAccount === (given !== undefined)) throw refused('it is signed by an account, or by a key, and not by both')
  // As we write it: nothing stands in it twice, or is read otherwise by another reader.
  const written = JSON.stringify({ alg, ...(isByAccount ? { kid } : { jwk }), nonce, url: at })
  if (written !== Buffer.from(request.protected, 'base64url').toString('utf8'))
    throw refused('its header is not as we write it')
  for (const one of [at, ...(isByAccount ? [kid] : [])])
    if (!isOf(one, directory)) throw refused('it is for another server than the directory of policy.acme.own')
  return intentOf(request.payload, isByAccount)
}

/** As we write it: nothing stands in it twice, or is read otherwise by another reader. */
function requireAsWritten(said: unknown, payload: string): void {
  if (JSON.stringify(said) !== Buffer.from(payload, 'base64url').toString('utf8'))
    throw refused('its payload is not as we write it')
}

function intentOf(payload: string, isByAccount: boolean): AcmeIntent {
  const said = payload === '' ? null : decoded(payload)
  if (payload !== '') requireAsWritten(said, payload)
  const intent = said === null && payload === '' ? ({ kind: 'read' } as const) : ofPayload(said)
  const isOfKey = intent?.kind === 'find-account' || intent?.kind === 'new-account'
  if (intent === null || isOfKey === isByAccount) throw refused('no renewal needs what it asks for')
  return intent
}

function ofPayload(said: unknown): AcmeIntent | null {
  if (isEmpty(said)) return { kind: 'ready' }
  if (isLookup(said)) return { kind: 'find-account' }
  if (isAccount(said)) return { kind: 'new-account', contact: said.contact ?? [], agreed: said.termsOfServiceAgreed }
  if (isFinalize(said)) return { kind: 'finalize', csr: said.csr }
  if (!isOrder(said)) return null
  const names = said.identifiers.map(({ value }) => value)
  return { kind: 'order', names, profile: said.profile ?? null, replaces: said.replaces ?? null }
}

function isOf(at: string, directory: string): boolean {
  if (!URL.canParse(at)) return false
  const { origin, username, password } = new URL(at)
  return origin === new URL(directory).origin && username === '' && password === ''
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}

/** SIGNING_NOT_ALLOWED, for this reason. */
export function refused(reason: string): WaxsealError {
  return new WaxsealError('SIGNING_NOT_ALLOWED', { reason })
}
