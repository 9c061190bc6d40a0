import { isAddressOrNetwork } from '../host/socket/address-set.ts'
import { configInvalid } from './parse-yaml.ts'

/** Whether, and at what, this host looks from outside when the control plane asks. */
export interface LookPolicy {
  /** These, and all below them; null: any. */
  readonly domains: readonly string[] | null
  /** Networks that may be connected to, at port 25, beside public addresses. */
  readonly networks: readonly string[]
}

/** The same as people write it. */
export interface WrittenLook {
  readonly domains?: readonly string[]
  readonly networks?: readonly string[]
}

/** JSON schema of `policy.look`. */
export const lookPolicySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    domains: {
      type: 'array',
      maxItems: 1000,
      items: { type: 'string', maxLength: 253, pattern: '^[a-z0-9-]+(\\.[a-z0-9-]+)*$' },
    },
    networks: { type: 'array', maxItems: 100, items: { type: 'string', maxLength: 60 } },
  },
} as const

/** Null: it does not. CONFIG_INVALID: what is no network. */
export function resolveLookPolicy(written: WrittenLook | undefined, file: string): LookPolicy | null {
  if (written === undefined) return null
  const { domains = null, networks = [] } = written
  const place = networks.findIndex((network) => !isAddressOrNetwork(network))
  if (place >= 0)
    throw configInvalid(
      file,
      `policy.look.networks[${place}]`,
      'it is no address or network',
      'For example: 192.0.2.0/24.',
    )
  return { domains, networks }
}
