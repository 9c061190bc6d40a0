/** What a sender sees of a domain's mail, from the host that looked. */
export interface LookReport {
  readonly v: 1
  readonly domain: string
  /** RFC 3339, UTC. */
  readonly at: string
  /** What wants a person, a sentence each; none: a sender delivers over verified TLS. */
  readonly problems: readonly string[]
  readonly exchanges: readonly LookedExchange[]
}

/** One MX of the domain. */
export interface LookedExchange {
  readonly name: string
  readonly preference: number
  /** TLSA records of `_25._tcp.` and its name; `secure`: a validating resolver on loopback of the host that looked vouches for them. */
  readonly tlsa: { readonly count: number; readonly secure: boolean; readonly failed: string | null }
  readonly addresses: readonly LookedAddress[]
}

/** One address of it, at port 25. */
export interface LookedAddress {
  readonly address: string
  /** Why it was not connected to; null: it was. */
  readonly skipped: string | null
  /** Why no certificate was seen; null: one was. */
  readonly error: string | null
  readonly tlsVersion: string | null
  /** SHA-256 of the leaf. */
  readonly leaf: string | null
  readonly names: readonly string[]
  readonly notAfter: string | null
  /** Why the roots of the host that looked do not vouch for the chain, in OpenSSL's word; null: they do. */
  readonly distrust: string | null
  readonly coversName: boolean
  /** Null: there are no TLSA records that count. */
  readonly matchesTlsa: boolean | null
}

const text = { type: ['string', 'null'], maxLength: 300 } as const
const name = { type: 'string', maxLength: 300 } as const
const closed = (properties: Readonly<Record<string, object>>): object => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
})

/** The most of each. */
export const lookBounds = { exchanges: 5, addresses: 4, names: 20, problems: 50 } as const

/** JSON schema of it. */
export const lookReportSchema = closed({
  v: { const: 1 },
  domain: name,
  at: name,
  problems: { type: 'array', maxItems: lookBounds.problems, items: { type: 'string', maxLength: 600 } },
  exchanges: {
    type: 'array',
    maxItems: lookBounds.exchanges,
    items: closed({
      name,
      preference: { type: 'integer' },
      tlsa: closed({ count: { type: 'integer', minimum: 0 }, secure: { type: 'boolean' }, failed: text }),
      addresses: {
        type: 'array',
        maxItems: lookBounds.addresses,
        items: closed({
          address: name,
          skipped: text,
          error: text,
          tlsVersion: text,
          leaf: text,
          names: { type: 'array', maxItems: lookBounds.names, items: name },
          notAfter: text,
          distrust: text,
          coversName: { type: 'boolean' },
          matchesTlsa: { type: ['boolean', 'null'] },
        }),
      },
    }),
  },
})
