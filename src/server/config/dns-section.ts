import type { NsupdateServer } from '../../dns/nsupdate-script.ts'
import { parseServer } from '../../dns/server-address.ts'
import type { DnsServer } from '../../host/socket/dns-exchange.ts'
import type { Command } from '../../plan/plan.ts'
import { schemaCheck } from '../../schema/schema-check.ts'
import { below, checked, durationIn, refused, requireOwnFile, requireSecret, type Section } from './section.ts'
import type { DnsZone } from './server-config.ts'

const file = { type: 'string', pattern: '^/', maxLength: 4096 } as const
const label = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'

/** JSON schema of `dns`: how records are published. `docs/server-configuration.md` has a heading per key. */
export const dnsSchema = {
  type: 'array',
  maxItems: 1000,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['zone'],
    properties: {
      zone: { type: 'string', maxLength: 254, pattern: `^${label}(\\.${label})*\\.?$` },
      nsupdate: {
        type: 'object',
        additionalProperties: false,
        required: ['server', 'key_file'],
        properties: {
          server: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$' },
          port: { type: 'integer', minimum: 1, maximum: 65_535 },
          key_file: file,
        },
      },
      hook: { type: 'array', minItems: 1, maxItems: 20, items: { type: 'string', minLength: 1, maxLength: 4096 } },
      wait: { type: ['string', 'integer'], maxLength: 64 },
    },
  },
} as const

interface WrittenZone {
  readonly zone: string
  readonly nsupdate?: { readonly server: string; readonly port?: number; readonly key_file: string }
  readonly hook?: Command
  readonly wait?: string | number
}

/** Of a fixed time. A challenge that nobody looks for in a day is not looked for. */
const longestWaitMs = 86_400_000
const check = schemaCheck<readonly WrittenZone[]>(dnsSchema)

/** Reads the section, and looks at the files that it names. CONFIG_INVALID names what is wrong. */
export async function readDns(section: Section, value: unknown): Promise<readonly DnsZone[]> {
  const zones: DnsZone[] = []
  for (const [index, written] of checked(section, check, value ?? []).entries()) {
    const at = below(section, `[${index}]`)
    const zone = await readZone(at, written)
    if (zones.some((other) => other.zone === zone.zone))
      throw refused(below(at, 'zone'), 'this zone has an entry already', 'Write one entry for each zone.')
    zones.push(zone)
  }
  return zones
}

async function readZone(section: Section, { zone, wait = 'authoritative', ...written }: WrittenZone): Promise<DnsZone> {
  return {
    zone: zone.toLowerCase().replace(/\.$/, ''),
    wait: wait === 'authoritative' ? wait : durationIn(below(section, 'wait'), wait, longestWaitMs),
    ...(await readPublisher(section, written)),
  }
}

type Way = { readonly nsupdate: NsupdateServer } | { readonly hook: Command }

async function readPublisher(
  section: Section,
  { nsupdate, hook }: Pick<WrittenZone, 'nsupdate' | 'hook'>,
): Promise<Way> {
  if (nsupdate !== undefined && hook === undefined) {
    await requireSecret(below(section, 'nsupdate.key_file'), nsupdate.key_file)
    return { nsupdate: { server: nsupdate.server, port: nsupdate.port ?? 53, keyFile: nsupdate.key_file } }
  }
  if (hook !== undefined && nsupdate === undefined) {
    const at = below(section, 'hook')
    if (!hook[0].startsWith('/')) throw refused(at, 'its program has no path', 'For example: [/usr/local/bin/publish].')
    await requireOwnFile(at, hook[0])
    return { hook }
  }
  throw refused(section, 'it has to have one of nsupdate and hook', 'Write how records of this zone are published.')
}

/** JSON schema of `resolvers`. */
const resolversSchema = {
  type: 'array',
  maxItems: 10,
  items: { type: 'string', minLength: 1, maxLength: 60 },
} as const

const checkResolvers = schemaCheck<readonly string[]>(resolversSchema)

/** `ADDRESS` or `ADDRESS:PORT` each. CONFIG_INVALID names the one that is none. */
export function readResolvers(section: Section, value: unknown): readonly DnsServer[] {
  return checked(section, checkResolvers, value ?? []).map((text, index) => {
    const server = parseServer(text)
    if (server !== null) return server
    const hint = 'For example: 127.0.0.1, or [::1]:5353.'
    throw refused(below(section, `[${index}]`), 'it is not the address of a server', hint)
  })
}
