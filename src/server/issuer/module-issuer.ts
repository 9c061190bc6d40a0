import { withinTime } from '../../connector/registry/within-time.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { loadModule } from '../../host/process/load-module.ts'
import { errorsText, type SchemaCheck, schemaCheck } from '../../schema/schema-check.ts'
import type { ModuleIssuerConfig } from '../config/server-config.ts'
import type { VersionRow } from '../store/rows.ts'
import type { Issuer, RenewalInfo, SignStep } from './issuer.ts'
import { whyUnfit } from './why-unfit.ts'

/** Of what a module has to export. A module of another one is refused. */
const issuerInterfaceVersion = 1

const loadMs = 10_000
const signMs = 5 * 60_000
const askMs = 60_000
/** What waits longer is looked at in between. */
const longestWaitMs = 7 * 86_400_000

const isStep = schemaCheck<SignStep>({
  type: 'object',
  required: ['state'],
  oneOf: [
    {
      additionalProperties: false,
      required: ['pem'],
      properties: { state: { const: 'signed' }, pem: { type: 'string', maxLength: 512 * 1024 } },
    },
    {
      additionalProperties: false,
      required: ['untilMs', 'reason'],
      properties: {
        state: { const: 'waits' },
        untilMs: { type: 'integer' },
        reason: { type: 'string', minLength: 1, maxLength: 1000 },
      },
    },
  ],
})

const isInfo = schemaCheck<RenewalInfo>({
  type: 'object',
  additionalProperties: false,
  required: ['start', 'end', 'askAgainMs', 'explanation'],
  properties: {
    start: { type: 'integer' },
    end: { type: 'integer' },
    askAgainMs: { type: ['integer', 'null'] },
    explanation: { type: ['string', 'null'], maxLength: 1000 },
  },
})

interface Made {
  readonly sign: (...given: readonly unknown[]) => unknown
  readonly revoke?: (...given: readonly unknown[]) => unknown
  readonly renewalInfo?: (...given: readonly unknown[]) => unknown
}

/** The issuer of a module from outside. ISSUER_INVALID names the module and what is wrong, here or when it is used. */
export async function openModuleIssuer({ name, module, config }: ModuleIssuerConfig): Promise<Issuer> {
  const fail = (reason: string, cause?: unknown): WaxsealError =>
    new WaxsealError('ISSUER_INVALID', { issuer: name, module, reason: reason.slice(0, 500) }, { cause })
  const made = await load(module, config).catch((error: unknown) => {
    throw fail(reasonOf(error), error)
  })
  const ask = async <T>(ms: number, what: string, work: (signal: AbortSignal) => unknown, check: Check<T>) => {
    const answer = await withinTime(ms, new AbortController().signal, async (signal) => work(signal)).catch(
      (error: unknown) => {
        throw fail(`its ${what} failed: ${reasonOf(error)}`, error)
      },
    )
    try {
      return check(structuredClone(answer))
    } catch (error) {
      throw fail(`what its ${what} returns cannot be used: ${reasonOf(error)}`, error)
    }
  }
  const { revoke, renewalInfo } = made
  return {
    name,
    isRemote: true,
    sign: async (request) => {
      const { replaces, ...others } = request
      const given = structuredClone({ ...others, replaces: replaces === null ? null : shown(replaces) })
      const step = await ask(signMs, 'sign', (signal) => made.sign(given, signal), checkedBy(isStep, 'it'))
      if (step.state === 'waits') return { ...step, untilMs: within(step.untilMs, request.at) }
      const why = whyUnfit(step.pem, request)
      if (why !== null) throw fail(`what its sign returns cannot be used: ${why}`)
      return step
    },
    ...(revoke === undefined
      ? {}
      : {
          revoke: (version, reason) =>
            ask(
              askMs,
              'revoke',
              (signal) => revoke(shown(version), reason, signal),
              () => {},
            ),
        }),
    ...(renewalInfo === undefined
      ? {}
      : {
          renewalInfo: (version) =>
            ask(
              askMs,
              'renewalInfo',
              (signal) => renewalInfo(shown(version), signal),
              (answer) => (answer === null ? null : checkedBy(isInfo, 'it')(answer)),
            ),
        }),
  }
}

type Check<T> = (answer: unknown) => T

async function load(module: string, config: ModuleIssuerConfig['config']): Promise<Made> {
  const signal = new AbortController().signal
  const exports = await withinTime(loadMs, signal, () => loadModule(module))
  if (exports['interfaceVersion'] !== issuerInterfaceVersion)
    throw new TypeError(
      `it must export interfaceVersion = ${issuerInterfaceVersion}; it exports ${String(exports['interfaceVersion'])}`,
    )
  const make = exports['issuer']
  if (typeof make !== 'function') throw new TypeError('it must export a function called issuer')
  const made = Object((await withinTime(loadMs, signal, async () => make(structuredClone(config)))) as unknown)
  const method = (key: 'sign' | 'revoke' | 'renewalInfo', isNeeded: boolean): Partial<Made> => {
    const found: unknown = made[key]
    if (typeof found === 'function') return { [key]: (...given: readonly unknown[]) => found.apply(made, given) }
    if (found === undefined && !isNeeded) return {}
    throw new TypeError(`what issuer() returns is none: its ${key} is no function`)
  }
  return { ...method('sign', true), ...method('revoke', false), ...method('renewalInfo', false) } as Made
}

/** What a module learns of a version. */
function shown({ pem, serial, notBefore, notAfter }: VersionRow): object {
  return { pem, serial, notBefore, notAfter }
}

function checkedBy<T>(check: SchemaCheck<T>, name: string): Check<T> {
  return (answer) => {
    if (check(answer)) return answer
    throw new TypeError(errorsText(check, name))
  }
}

function within(untilMs: number, at: number): number {
  return Math.min(Math.max(untilMs, at + 1000), at + longestWaitMs)
}

/** In few words, whatever was thrown. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : `it throws ${typeof error}`
}
