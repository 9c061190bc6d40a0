import { limits } from '../limit/limits.ts'
import { configInvalid } from './parse-yaml.ts'

/** What this host does for ACME. */
export interface AcmePolicy {
  /** How it answers http-01 challenges; null: not at all. */
  readonly http: HttpPolicy | null
  /** How it renews by itself when its control plane is gone; null: not at all. */
  readonly own: OwnRenewal | null
}

/** Where answers are put, and for whom. */
export type HttpPolicy = HttpAnswers & {
  /** Thumbprints (RFC 7638) of the ACME accounts for which a control plane may have challenges answered; null: of any. The host's own needs no place here. */
  readonly accounts: readonly string[] | null
}

/** Where answers are put: below the root of a web server, or for the responder of Waxseal's own. */
export type HttpAnswers = { readonly webroot: string } | { readonly responder: true }

/** Renewal without a control plane. */
export interface OwnRenewal {
  /** The URL of the directory of the CA. */
  readonly directory: string
  /** PEM file of the roots to trust there; null: the system's. */
  readonly caFile: string | null
  /** The share of its life that a certificate has used by then. */
  readonly after: number
  /** Names that may be asked for, `*.` wildcards; null: those of `policy.names`. */
  readonly names: readonly string[] | null
  readonly profile: string | null
  readonly contact: readonly string[]
  readonly acceptsTerms: boolean
}

/** The same as people write it. */
export interface WrittenAcme {
  readonly http?: { readonly webroot?: string; readonly responder?: boolean; readonly accounts?: readonly string[] }
  readonly own?: {
    readonly directory: string
    readonly ca_file?: string
    readonly after?: number
    readonly names?: readonly string[]
    readonly profile?: string
    readonly contact?: readonly string[]
    readonly accept_terms?: boolean
  }
}

const file = { type: 'string', pattern: '^/', maxLength: 4096 } as const

/** JSON schema of `policy.acme`. */
export const acmePolicySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    http: {
      type: 'object',
      additionalProperties: false,
      properties: {
        webroot: file,
        responder: { type: 'boolean' },
        accounts: {
          type: 'array',
          minItems: 1,
          maxItems: 10,
          items: { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' },
        },
      },
    },
    own: {
      type: 'object',
      additionalProperties: false,
      required: ['directory'],
      properties: {
        directory: { type: 'string', pattern: '^https://', maxLength: 2048 },
        ca_file: file,
        after: { type: 'number', minimum: 0.5, maximum: 0.98 },
        names: {
          type: 'array',
          minItems: 1,
          maxItems: limits.namesPerCertificate.most,
          items: { type: 'string', minLength: 1, maxLength: 255 },
        },
        profile: { type: 'string', minLength: 1, maxLength: 100 },
        contact: { type: 'array', maxItems: 10, items: { type: 'string', pattern: '^mailto:[\\x21-\\x7e]{3,250}$' } },
        accept_terms: { type: 'boolean' },
      },
    },
  },
} as const

const usualShare = 0.9

/** CONFIG_INVALID: both ways to answer, or none, or a renewal that could answer no challenge. */
export function resolveAcmePolicy(written: WrittenAcme | undefined, configFile: string): AcmePolicy {
  const http = httpOf(written?.http, configFile)
  if (written?.own === undefined) return { http, own: null }
  if (http === null) {
    const hint = 'Set policy.acme.http, too: the CA looks for an answer at port 80 of this host.'
    throw configInvalid(configFile, 'policy.acme.own', 'without policy.acme.http no challenge can be answered', hint)
  }
  const { directory, ca_file, after, names, profile, contact, accept_terms } = written.own
  return {
    http,
    own: {
      directory,
      caFile: ca_file ?? null,
      after: after ?? usualShare,
      names: names ?? null,
      profile: profile ?? null,
      contact: contact ?? [],
      acceptsTerms: accept_terms === true,
    },
  }
}

function httpOf(written: WrittenAcme['http'], configFile: string): HttpPolicy | null {
  if (written === undefined) return null
  const { webroot, responder = false, accounts = null } = written
  if ((webroot !== undefined) === responder) {
    const hint = 'Write webroot: /var/www/html, or responder: true.'
    throw configInvalid(configFile, 'policy.acme.http', 'it has to name one of both ways to answer', hint)
  }
  return webroot === undefined ? { responder: true, accounts } : { webroot, accounts }
}
