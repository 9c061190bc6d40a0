import { WaxsealError } from '../../error/waxseal-error.ts'
import { assertSchema } from '../../schema/compile-schema.ts'
import { errorsText, schemaCheck } from '../../schema/schema-check.ts'
import type { Connector } from '../connector.ts'
import { openObjects } from './closed-schema.ts'
import { interfaceVersion, kit } from './kit.ts'
import { parsePlan } from './parse-plan.ts'
import { withinTime } from './within-time.ts'

const isConnector = schemaCheck({
  type: 'object',
  additionalProperties: false,
  required: ['name', 'aliases', 'description', 'schema', 'example', 'standardCommands', 'plan'],
  properties: {
    name: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,62}$' },
    aliases: { type: 'array', minItems: 1, maxItems: 20, items: { type: 'string', minLength: 1, maxLength: 63 } },
    description: { type: 'string', minLength: 10, maxLength: 300 },
    schema: {
      type: 'object',
      required: ['type', 'additionalProperties', 'properties'],
      properties: { type: { const: 'object' }, additionalProperties: { const: false }, properties: { type: 'object' } },
    },
    example: { type: 'object' },
    standardCommands: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1, pattern: '^(?!<(?!(map|file)>).*>$)' },
      },
    },
    accounts: { type: 'array', maxItems: 20, items: { type: 'string', minLength: 1, maxLength: 256 } },
    plan: {},
  },
})

const changedSince1 =
  '. Since 1, its standardCommands are fixed words: no place-holder stands for a socket, an address or a path that a target names (docs/adding-a-connector.md)'

/**
 * The connector of a module from outside. CONNECTOR_INVALID names the module and what is wrong, here or later: what its
 * `plan` throws, returns, or does not end in `planMs` is an error of that one deployment.
 */
export function parseOutside(module: string, exports: Readonly<Record<string, unknown>>, planMs = 30_000): Connector {
  const fail = (reason: string): WaxsealError => new WaxsealError('CONNECTOR_INVALID', { module, reason })
  if (exports['interfaceVersion'] !== interfaceVersion)
    throw fail(
      `it must export interfaceVersion = ${interfaceVersion}; it exports ${String(exports['interfaceVersion'])}${exports['interfaceVersion'] === 1 ? changedSince1 : ''}`,
    )
  const make = exports['connector']
  if (typeof make !== 'function') throw fail('it must export a function called connector')
  const connector = attempt(() => copyOf(make(kit)), fail)
  if (!isConnector({ ...connector, plan: null }))
    throw fail(`what connector() returns is none: ${errorsText(isConnector, 'connector')}`)
  const [open] = openObjects(connector.schema)
  if (open !== undefined) throw fail(`its schema lets unknown fields in: ${open} has no additionalProperties: false`)
  attempt(() => assertSchema(connector.schema), fail)
  if (!attempt(() => schemaCheck(connector.schema)(connector.example), fail))
    throw fail('its example is none of its targets')
  return { ...connector, plan: guarded(connector, planMs, fail) }
}

/** Copied, so that the module cannot change later what was looked at here. */
function copyOf(made: unknown): Connector {
  const { plan, ...facts } = Object(made) as Connector
  if (typeof plan !== 'function') throw new TypeError('what connector() returns is none: its plan is no function')
  return { ...(structuredClone(facts) as Omit<Connector, 'plan'>), plan: (...given) => plan.apply(made, given) }
}

function attempt<T>(work: () => T, fail: (reason: string) => WaxsealError): T {
  try {
    return work()
  } catch (error) {
    throw fail(reasonOf(error))
  }
}

/** In few words, whatever was thrown. */
function reasonOf(error: unknown): string {
  return (error instanceof Error ? String(error) : (JSON.stringify(error) ?? typeof error)).slice(0, 500)
}

function guarded(connector: Connector, planMs: number, fail: (reason: string) => WaxsealError): Connector['plan'] {
  return async (target, material, host, signal) => {
    try {
      const made = await withinTime(planMs, signal, (stop) => connector.plan(target, material, host, stop))
      return parsePlan(connector.name, made)
    } catch (error) {
      throw error instanceof WaxsealError ? error : fail(`its plan cannot be used: ${reasonOf(error)}`)
    }
  }
}
