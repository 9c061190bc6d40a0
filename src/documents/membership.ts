/**
 * What the courier has learned of its control plane and needs after a restart. The deployer keeps it, for the courier has no disk, and
 * does nothing with it. `basis`: a digest of what was configured then; where something else is configured, it is worth nothing.
 */
export interface Membership {
  /** CAs that are trusted beside the configured ones, PEM; null: none are. */
  readonly trust: { readonly basis: string; readonly ca: string } | null
  /** In place of the configured credential; null: that one is in use. */
  readonly credential: KeptCredential | null
}

/** A credential that was exchanged. */
export interface KeptCredential {
  readonly basis: string
  /** When it was exchanged, or first of all seen: milliseconds since 1970. */
  readonly since: number
  /** The one to use first; a second one is its predecessor, which is good until it was used. None: the configured one. */
  readonly secrets: readonly string[]
}

/** What a host has that was never enrolled. */
export const noMembership: Membership = { trust: null, credential: null }

const basis = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const

/** The most that is trusted beside what is configured, in characters of PEM. */
export const longestTrust = 65_536

function closedOrNull(properties: Readonly<Record<string, object>>): object {
  return { type: ['object', 'null'], additionalProperties: false, required: Object.keys(properties), properties }
}

/** JSON schema of it. */
export const membershipSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['trust', 'credential'],
  properties: {
    trust: closedOrNull({ basis, ca: { type: 'string', minLength: 1, maxLength: longestTrust } }),
    credential: closedOrNull({
      basis,
      since: { type: 'number' },
      secrets: { type: 'array', maxItems: 2, items: { type: 'string', pattern: '^[\\x21-\\x7e]{1,4096}$' } },
    }),
  },
} as const
