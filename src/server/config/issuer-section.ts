import { nearest } from '../../error/nearest.ts'
import { schemaCheck } from '../../schema/schema-check.ts'
import { acmeSchema, readAcme, type WrittenAcme } from './acme-section.ts'
import { below, checked, refused, requireOwnFile, type Section } from './section.ts'
import type { IssuersConfig, ModuleIssuerConfig } from './server-config.ts'

const name = '^[a-z0-9][a-z0-9_-]{0,62}$'

/** JSON schema of `issuers`: each a mapping of its own kind; `local` may be false. */
export const issuersSchema = {
  type: 'object',
  maxProperties: 20,
  propertyNames: { pattern: name },
  additionalProperties: { type: 'object' },
  properties: { local: { type: 'boolean' } },
} as const

/** JSON schema of an issuer from outside. */
export const moduleSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['module'],
  properties: {
    module: { type: 'string', pattern: '^/', maxLength: 4096 },
    config: { type: 'object', maxProperties: 1000 },
  },
} as const

/** JSON schema of `issuer_order`. */
const issuerOrderSchema = {
  type: 'array',
  minItems: 1,
  maxItems: 10,
  uniqueItems: true,
  items: { type: 'string', minLength: 1, maxLength: 63 },
} as const

interface WrittenModule {
  readonly module: string
  readonly config?: Readonly<Record<string, unknown>>
}

const checkAll = schemaCheck<Readonly<Record<string, object>> & { readonly local?: boolean }>(issuersSchema)
const checkAcme = schemaCheck<WrittenAcme>(acmeSchema)
const checkModule = schemaCheck<WrittenModule>(moduleSchema)
const checkOrder = schemaCheck<readonly string[]>(issuerOrderSchema)

/** Reads `issuers` and `issuer_order`, and looks at the files that they name. CONFIG_INVALID names what is wrong. */
export async function readIssuers(file: string, written: unknown, order: unknown): Promise<IssuersConfig> {
  const section = { file, path: 'issuers' }
  const { local: hasLocal = true, ...named } = checked(section, checkAll, written ?? {})
  const others: IssuersConfig['others'][number][] = []
  for (const [issuer, value] of Object.entries(named))
    others.push(await readIssuer(below(section, issuer), issuer, value))
  const known = [...(hasLocal ? ['local'] : []), ...others.map((other) => other.name)]
  if (known.length === 0) throw refused(section, 'nobody is left to sign', 'Name an issuer, or leave local out.')
  return { hasLocal, others, order: readOrder({ file, path: 'issuer_order' }, order, known) }
}

async function readIssuer(section: Section, issuer: string, value: object): Promise<IssuersConfig['others'][number]> {
  if ('acme' in value) return readAcme(section, issuer, checked(section, checkAcme, value))
  if ('module' in value) return readModule(section, issuer, checked(section, checkModule, value))
  throw refused(section, 'it has to have one of acme and module', 'Write acme: and the URL of its directory.')
}

async function readModule(
  section: Section,
  issuer: string,
  { module, config = {} }: WrittenModule,
): Promise<ModuleIssuerConfig> {
  await requireOwnFile(below(section, 'module'), module)
  return { kind: 'module', name: issuer, module, config }
}

/** Left out: the bundled CA alone; where it does not sign, all others as they are written. */
function readOrder(section: Section, written: unknown, known: readonly string[]): readonly string[] {
  if (written === undefined) return known[0] === 'local' ? ['local'] : known
  const order = checked(section, checkOrder, written)
  const unknown = order.find((issuer) => !known.includes(issuer))
  if (unknown === undefined) return order
  const meant = nearest(unknown, known)
  const hint = meant === null ? `There are ${known.join(', ')}.` : `Is ${meant} meant?`
  throw refused(section, `there is no issuer ${unknown}`, hint)
}
