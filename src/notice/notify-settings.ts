import type { Command } from '../plan/plan.ts'
import { type MatterKind, matterKinds } from './matter.ts'

/** Who is told, and of what; every default resolved. */
export interface NotifySettings {
  readonly webhooks: readonly WebhookSettings[]
  readonly mail: MailSettings | null
  readonly command: Command | null
  /** Kinds of which nothing is told. */
  readonly leaveOut: readonly MatterKind[]
  /** How long nothing is heard of an agent before that is told, in milliseconds. */
  readonly silentAfterMs: number
}

/** An HTTPS server that takes messages. */
export interface WebhookSettings {
  readonly url: string
  /** A file with the secret that signs them. */
  readonly secretFile: string
  /** PEM of the roots to trust; null: the system's. */
  readonly caFile: string | null
}

/** Mail through the MTA of this host. */
export interface MailSettings {
  readonly to: readonly string[]
  /** Null: `waxseal@` and the name of this host. */
  readonly from: string | null
  /** Where that MTA listens at 127.0.0.1. */
  readonly port: number
}

/** As it is written. */
export interface WrittenNotify {
  readonly webhooks?: readonly { readonly url: string; readonly secret_file: string; readonly ca_file?: string }[]
  readonly mail?: { readonly to: readonly string[]; readonly from?: string; readonly port?: number }
  readonly command?: readonly [string, ...string[]]
  readonly leave_out?: readonly MatterKind[]
  readonly silent_after?: string | number
}

/** Neither a space nor a character that ends an address or a header. */
const address = {
  type: 'string',
  maxLength: 320,
  pattern: "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$",
}
const file = { type: 'string', pattern: '^/', maxLength: 4096 } as const
const part = (required: readonly string[], properties: object): object => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
})

/** JSON schema of it, in the configuration of a control plane and of a host. */
export const notifySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    webhooks: {
      type: 'array',
      maxItems: 4,
      items: part(['url', 'secret_file'], {
        url: { type: 'string', pattern: '^https://', maxLength: 2048 },
        secret_file: file,
        ca_file: file,
      }),
    },
    mail: part(['to'], {
      to: { type: 'array', minItems: 1, maxItems: 10, items: address },
      from: address,
      port: { type: 'integer', minimum: 1, maximum: 65_535 },
    }),
    command: {
      type: 'array',
      minItems: 1,
      maxItems: 32,
      items: { type: 'string', minLength: 1, maxLength: 4096 },
    },
    leave_out: { type: 'array', uniqueItems: true, items: { enum: matterKinds } },
    silent_after: { type: ['string', 'integer'] },
  },
} as const

const { silent_after: _, ...ofHost } = notifySchema.properties

/** The same of a host: it has no agents that may be silent. */
export const hostNotifySchema = { ...notifySchema, properties: ofHost } as const
