import type { ErrorObject } from 'ajv'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { Material } from '../material/material.ts'
import type { Plan } from '../plan/plan.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import type { Connector, HostView } from './connector.ts'

const maxBytes = 64 * 1024
const maxDepth = 20

/** Parses the target by the connector's schema, and has it planned. TARGET_REDACTED or TARGET_INVALID names the field. */
export async function planFor(
  connector: Connector,
  config: unknown,
  material: Material,
  host: HostView,
  signal: AbortSignal,
): Promise<Plan> {
  requireBounded(config)
  const redacted = findRedacted(config, '')
  if (redacted !== null) throw new WaxsealError('TARGET_REDACTED', { field: redacted })
  const validate = schemaCheck(connector.schema)
  if (!validate(config)) throw targetInvalid(validate.errors?.[0])
  return connector.plan(config, material, host, signal)
}

/** TARGET_INVALID where a target is too deep or too large to be looked through. */
export function requireBounded(config: unknown): void {
  if (isDeeper(config, maxDepth))
    throw new WaxsealError('TARGET_INVALID', { field: '', reason: `it is nested more than ${maxDepth} deep` })
  if (JSON.stringify(config ?? null).length > maxBytes)
    throw new WaxsealError('TARGET_INVALID', { field: '', reason: `it is larger than ${maxBytes} bytes` })
}

/** Asked first, because what follows recurses. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1))
}

/** Whether a value stands for a secret: `********`. */
export function isRedacted(value: unknown): boolean {
  return typeof value === 'string' && /^(\*{3,}|[<[]redacted[>\]])$/i.test(value)
}

/** The path of the first value that stands for a secret: `********`. */
function findRedacted(value: unknown, path: string): string | null {
  if (isRedacted(value)) return path
  if (typeof value !== 'object' || value === null) return null
  for (const [name, inner] of Object.entries(value)) {
    const found = findRedacted(inner, path === '' ? name : `${path}.${name}`)
    if (found !== null) return found
  }
  return null
}

function targetInvalid(error: ErrorObject | undefined): WaxsealError {
  const path = (error?.instancePath ?? '').slice(1).replaceAll('/', '.')
  const unknown = String(error?.params['additionalProperty'] ?? '')
  const field = [path, unknown].filter((part) => part !== '').join('.')
  const reason = unknown === '' ? (error?.message ?? 'it is not valid') : 'no such field is known'
  return new WaxsealError('TARGET_INVALID', { field, reason })
}
