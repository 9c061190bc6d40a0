import { Ajv } from 'ajv'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { Plan } from '../plan/plan.ts'
import type { Connector } from './connector.ts'
import { interfaceVersion, kit } from './kit.ts'
import { planSchema } from './plan-schema.ts'

const ajv = new Ajv({ allErrors: false, allowUnionTypes: true })
const isPlan = ajv.compile(planSchema)
const planMs = 30_000

const isConnector = ajv.compile({
  type: 'object',
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
      items: { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } },
    },
    plan: {},
  },
})

/**
 * The connector of a module from outside. CONNECTOR_INVALID names the module and what is wrong, here or later: what its
 * `plan` throws, returns, or never ends is an error of that one deployment.
 */
export function parseOutside(module: string, exports: Readonly<Record<string, unknown>>): Connector {
  const fail = (reason: string): WaxsealError => new WaxsealError('CONNECTOR_INVALID', { module, reason })
  if (exports['interfaceVersion'] !== interfaceVersion)
    throw fail(
      `it must export interfaceVersion = ${interfaceVersion}; it exports ${String(exports['interfaceVersion'])}`,
    )
  const make = exports['connector']
  if (typeof make !== 'function') throw fail('it must export a function called connector')
  const made: unknown = attempt(() => make(kit), fail)
  if (!isConnector(made)) throw fail(`what connector() returns is none: ${ajv.errorsText(isConnector.errors)}`)
  const connector = made as unknown as Connector
  if (typeof connector.plan !== 'function') throw fail('its plan is no function')
  attempt(() => ajv.compile(connector.schema), fail)
  return { ...connector, plan: guarded(connector, fail) }
}

function attempt<T>(work: () => T, fail: (reason: string) => WaxsealError): T {
  try {
    return work()
  } catch (error) {
    throw fail(String(error))
  }
}

function guarded(connector: Connector, fail: (reason: string) => WaxsealError): Connector['plan'] {
  return async (target, material, host, signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(planMs)])
    const late = Promise.withResolvers<never>()
    limit.addEventListener('abort', () => late.reject(fail(`its plan takes longer than ${planMs / 1000} s`)), {
      once: true,
    })
    const plan: unknown = await Promise.race([connector.plan(target, material, host, limit), late.promise]).catch(
      (error: unknown) => {
        throw error instanceof WaxsealError ? error : fail(`its plan throws: ${String(error)}`)
      },
    )
    if (!isPlan(plan)) throw fail(`its plan is none: ${ajv.errorsText(isPlan.errors, { dataVar: 'plan' })}`)
    return withBytes(plan, connector.name, fail)
  }
}

function withBytes(plan: Plan, name: string, fail: (reason: string) => WaxsealError): Plan {
  if (plan.connector !== name) throw fail('its plan is of another connector')
  for (const { path, contents } of plan.files)
    if (!(contents instanceof Uint8Array)) throw fail(`the contents of ${path} are no Uint8Array`)
  return plan
}
