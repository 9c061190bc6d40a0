import type { Rate } from '../renewal/within-rate.ts'
import { below, durationIn, refused, requireOwnFile, requireSecret, type Section } from './section.ts'
import type { AcmeIssuerConfig, AcmeLimits } from './server-config.ts'

const file = { type: 'string', pattern: '^/', maxLength: 4096 } as const
const rate = { type: 'string', maxLength: 64 } as const

/** JSON schema of an issuer that is spoken to by ACME. `docs/server-configuration.md` has a heading per key. */
export const acmeSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['acme'],
  properties: {
    acme: { type: 'string', pattern: '^https://', maxLength: 2048 },
    account_key: file,
    contact: {
      type: 'array',
      maxItems: 10,
      items: { type: 'string', pattern: '^mailto:[^\\s@,?]+@[^\\s@,?]+$', maxLength: 320 },
    },
    accept_terms: { type: 'boolean' },
    eab: {
      type: 'object',
      additionalProperties: false,
      required: ['kid', 'key_file'],
      properties: { kid: { type: 'string', pattern: '^[\\x21-\\x7e]+$', maxLength: 1024 }, key_file: file },
    },
    profile: { type: 'string', pattern: '^[\\x21-\\x7e]+$', maxLength: 100 },
    ca_file: file,
    challenges: { type: 'array', minItems: 1, maxItems: 2, uniqueItems: true, items: { enum: ['dns', 'http'] } },
    http_look: { type: 'boolean' },
    limits: {
      type: 'object',
      additionalProperties: false,
      properties: { same_names: rate, registered_domain: rate, orders: rate, failures: rate },
    },
  },
} as const

/** The same as people write it. */
export interface WrittenAcme {
  readonly acme: string
  readonly account_key?: string
  readonly contact?: readonly string[]
  readonly accept_terms?: boolean
  readonly eab?: { readonly kid: string; readonly key_file: string }
  readonly profile?: string
  readonly ca_file?: string
  readonly challenges?: AcmeIssuerConfig['challenges']
  readonly http_look?: boolean
  readonly limits?: {
    readonly same_names?: string
    readonly registered_domain?: string
    readonly orders?: string
    readonly failures?: string
  }
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const longestPerMs = 366 * dayMs
/** Of Let's Encrypt, as it publishes them (https://letsencrypt.org/docs/rate-limits/). */
const ofLetsEncrypt: AcmeLimits = {
  sameNames: { most: 5, perMs: 7 * dayMs },
  registeredDomain: { most: 50, perMs: 7 * dayMs },
  orders: { most: 300, perMs: 3 * hourMs },
  failures: { most: 5, perMs: hourMs },
}
const unlimited: AcmeLimits = { sameNames: null, registeredDomain: null, orders: null, failures: null }

/** Completes it, and looks at the files that it names. CONFIG_INVALID names what is wrong. */
export async function readAcme(section: Section, name: string, written: WrittenAcme): Promise<AcmeIssuerConfig> {
  const { account_key: accountKey = null, ca_file: caFile = null, eab } = written
  const url = URL.canParse(written.acme) ? new URL(written.acme) : null
  if (url === null || url.username !== '' || url.hash !== '')
    throw refused(below(section, 'acme'), 'it is not an https URL', 'Write the URL of the directory of the CA.')
  if (written.accept_terms !== true)
    throw refused(
      below(section, 'accept_terms'),
      'the terms of the CA are not accepted',
      'Read them (the directory of the CA names them), then write accept_terms: true.',
    )
  if (accountKey !== null) await requireSecret(below(section, 'account_key'), accountKey, true)
  if (caFile !== null) await requireOwnFile(below(section, 'ca_file'), caFile)
  if (eab !== undefined) await requireSecret(below(section, 'eab.key_file'), eab.key_file)
  return {
    kind: 'acme',
    name,
    directory: url.href,
    accountKey,
    contact: written.contact ?? [],
    eab: eab === undefined ? null : { kid: eab.kid, keyFile: eab.key_file },
    profile: written.profile ?? null,
    caFile,
    challenges: written.challenges ?? ['dns', 'http'],
    looksFirst: written.http_look !== false,
    limits: readLimits(below(section, 'limits'), written.limits ?? {}, url.hostname),
  }
}

function readLimits(section: Section, written: NonNullable<WrittenAcme['limits']>, host: string): AcmeLimits {
  const usual = /(^|\.)letsencrypt\.org$/.test(host) ? ofLetsEncrypt : unlimited
  const read = (key: keyof typeof written, otherwise: Rate | null): Rate | null =>
    written[key] === undefined ? otherwise : readRate(below(section, key), written[key])
  return {
    sameNames: read('same_names', usual.sameNames),
    registeredDomain: read('registered_domain', usual.registeredDomain),
    orders: read('orders', usual.orders),
    failures: read('failures', usual.failures),
  }
}

/** `5 per 7d`, or `off`. */
function readRate(section: Section, text: string): Rate | null {
  if (text === 'off') return null
  const match = /^([1-9]\d{0,8}) per (\S+)$/.exec(text)
  if (match === null) throw refused(section, 'it is no rate', 'For example: 5 per 7d; or off.')
  return { most: Number(match[1]), perMs: durationIn(section, match[2] ?? '', longestPerMs) }
}
