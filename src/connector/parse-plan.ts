import { Ajv } from 'ajv'
import { type Plan, type PlannedFile, probeProtocols } from '../plan/plan.ts'

const text = { type: 'string', minLength: 1, maxLength: 4096, pattern: '^[^\\u0000]*$' } as const
const path = { type: 'string', maxLength: 4096, pattern: '^/[^\\u0000]+$' } as const
const command = { type: 'array', minItems: 1, maxItems: 100, items: text } as const
const commands = { type: 'array', maxItems: 20, items: command } as const
const account = { type: 'string', minLength: 1, maxLength: 256 } as const
const mode = { type: 'integer', minimum: 0, maximum: 0o777 } as const
const milliseconds = { type: 'number', minimum: 0, maximum: 86_400_000 } as const

function object<Fields extends object>(properties: Fields, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', additionalProperties: false, required, properties } as const
}

/** JSON schema of a plan, contents aside. */
const planSchema = object({
  connector: text,
  service: { type: 'string', pattern: '^[^\\u0000-\\u001f/]{1,100}$' },
  files: {
    type: 'array',
    minItems: 1,
    maxItems: 50,
    items: object(
      {
        path,
        role: { enum: ['certificate', 'chain', 'key', 'bundle', 'other'] },
        contents: {},
        mode: { anyOf: [mode, { const: 'keep' }] },
        owner: account,
        group: account,
        fresh: object({ mode, owner: account, group: account }, ['mode', 'owner', 'group']),
      },
      ['fresh'],
    ),
  },
  check: { anyOf: [command, { type: 'null' }] },
  activate: commands,
  recover: commands,
  probes: {
    type: 'array',
    maxItems: 500,
    items: object(
      {
        host: text,
        port: { type: 'integer', minimum: 0, maximum: 65_535 },
        name: text,
        protocol: { enum: probeProtocols },
        servername: { anyOf: [text, { type: 'null' }] },
        keyType: { enum: ['rsa', 'ecdsa', null] },
        timeoutMs: { type: 'number', exclusiveMinimum: 0, maximum: 600_000 },
      },
      ['name'],
    ),
  },
  unverified: { anyOf: [text, { type: 'null' }] },
  retry: object({
    attempts: { type: 'integer', minimum: 0, maximum: 100 },
    initialMs: milliseconds,
    maxMs: milliseconds,
  }),
  wiring: {
    anyOf: [object({ read: { type: 'array', items: text }, unread: { type: 'array', items: text } }), { type: 'null' }],
  },
  generation: { anyOf: [object({ directory: path, link: path }), { type: 'null' }] },
  backupRetention: { type: 'integer', minimum: -1, maximum: 1000 },
})

const validate = new Ajv({ allowUnionTypes: true }).compile(planSchema)
const maxBytes = 1024 * 1024

/** The plan that a connector of this name made, copied, so that nothing changes it later. Throws TypeError with what is wrong. */
export function parsePlan(connector: string, made: unknown): Plan {
  const plan: unknown = structuredClone(made)
  if (!validate(plan)) {
    const [error] = validate.errors ?? []
    const place = (error?.instancePath ?? '').slice(1).replaceAll('/', '.')
    const field = String(error?.params['additionalProperty'] ?? '')
    throw new TypeError(`its plan is not valid: ${[place, error?.message, field].filter(Boolean).join(' ')}`)
  }
  const parsed = plan as unknown as Plan
  if (parsed.connector !== connector) throw new TypeError(`its plan says that ${parsed.connector} made it`)
  if (parsed.probes.length === 0 && parsed.unverified === null)
    throw new TypeError('its plan has no probe, and no sentence in `unverified` that says why')
  for (const file of parsed.files) checkContents(file)
  if (new Set(parsed.files.map((file) => file.path)).size < parsed.files.length)
    throw new TypeError('its plan has two files of one path')
  return parsed
}

/** By its role a file is known to hold a key: then no digest of it is kept, and nobody else may read it (law 4). */
function checkContents({ path: place, role, contents, mode: bits, fresh }: PlannedFile): void {
  if (!(contents instanceof Uint8Array)) throw new TypeError(`the contents of ${place} are no Uint8Array`)
  if (contents.length > maxBytes) throw new TypeError(`${place} is larger than ${maxBytes} bytes`)
  if (role === 'key' || role === 'bundle') {
    if ([bits, fresh?.mode ?? 0].some((given) => given !== 'keep' && (given & 0o007) !== 0))
      throw new TypeError(`${place} holds a key that others may read`)
  } else if (new TextDecoder('latin1').decode(contents).includes('PRIVATE KEY-----')) {
    throw new TypeError(`${place} holds a private key: its role is "key" or "bundle"`)
  }
}
