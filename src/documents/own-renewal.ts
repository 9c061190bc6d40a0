import { tokenPattern } from './challenge.ts'

/** The public half of the account's key (RFC 7517). */
export interface AccountJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** A certificate of this host that is due to be renewed without a control plane. */
export interface DueRenewal {
  /** SHA-256 of the live leaf, hex: by that it is asked for. */
  readonly leaf: string
  readonly names: readonly string[]
  /** Leaf and chain (PEM), whose place the next one takes. */
  readonly replaces: string
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
}

/** What the courier asks for when it renews by ACME (policy.acme.own). The deployer holds both keys. */
export type RenewalAsk =
  /** What is due, and as whom the CA is asked. */
  | { readonly ask: 'renewals' }
  /** Sign a request for the CA: the two parts of a JWS (RFC 7515), base64url. */
  | { readonly ask: 'sign'; readonly protected: string; readonly payload: string }
  /** Put the answer to the challenge with this token where the CA finds it: at this name of the certificate. */
  | { readonly ask: 'challenge'; readonly leaf: string; readonly name: string; readonly token: string }
  /** A request for a certificate for what is due. */
  | { readonly ask: 'csr'; readonly leaf: string }
  /** The certificate: its deployments are durable when this is answered. */
  | { readonly ask: 'renewed'; readonly leaf: string; readonly pem: string }

/** The answer to each. */
export interface RenewalAnswers {
  /** `account`: null: policy has no renewal of its own. At most 20 are due, nearest end first. */
  readonly renewals: { readonly account: AccountJwk | null; readonly due: readonly DueRenewal[] }
  /** ES256, base64url. */
  readonly sign: { readonly signature: string }
  readonly challenge: Record<string, never>
  /** PEM. */
  readonly csr: { readonly csrPem: string }
  readonly renewed: { readonly deployments: number }
}

const leaf = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
const base64url = (maxLength: number): object => ({ type: 'string', maxLength, pattern: '^[A-Za-z0-9_-]*$' })
const pem = { type: 'string', maxLength: 256 * 1024 } as const
const time = { type: 'number' } as const

function closed(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', additionalProperties: false, required: Object.keys(properties), properties }
}

/** JSON schemas of the asks. */
export const renewalAskSchemas = {
  renewals: closed({ ask: { const: 'renewals' } }),
  sign: closed({ ask: { const: 'sign' }, protected: base64url(8192), payload: base64url(65_536) }),
  challenge: closed({
    ask: { const: 'challenge' },
    leaf,
    name: { type: 'string', minLength: 1, maxLength: 253 },
    token: { type: 'string', pattern: tokenPattern },
  }),
  csr: closed({ ask: { const: 'csr' }, leaf }),
  renewed: closed({ ask: { const: 'renewed' }, leaf, pem }),
} as const

const coordinate = { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' } as const
const jwk = closed({ kty: { const: 'EC' }, crv: { const: 'P-256' }, x: coordinate, y: coordinate })
const names = { type: 'array', maxItems: 1000, items: { type: 'string', maxLength: 1024 } } as const

/** JSON schemas of the answers. */
export const renewalAnswerSchemas = {
  renewals: closed({
    account: { anyOf: [jwk, { type: 'null' }] },
    due: {
      type: 'array',
      maxItems: 20,
      items: closed({ leaf, names, replaces: pem, notBefore: time, notAfter: time }),
    },
  }),
  sign: closed({ signature: base64url(100) }),
  challenge: closed({}),
  csr: closed({ csrPem: { type: 'string', maxLength: 65_536 } }),
  renewed: closed({ deployments: { type: 'integer', minimum: 0 } }),
} as const
