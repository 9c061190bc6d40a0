import type { ErrorObject } from 'ajv'
import { nearest } from '../../error/nearest.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { inWords } from '../../schema/in-words.ts'
import { schemaCheck } from '../../schema/schema-check.ts'
import type { Connector } from '../connector.ts'

const maxBytes = 64 * 1024
const maxDepth = 20

/** Holds a target against the schema of its connector, and asks nothing of the host. TARGET_REDACTED or TARGET_INVALID names the field. */
export function checkTarget({ schema }: Pick<Connector, 'schema'>, config: unknown): void {
  requireBounded(config)
  const redacted = findRedacted(config, '')
  if (redacted !== null) throw new WaxsealError('TARGET_REDACTED', { field: redacted })
  const validate = schemaCheck(schema)
  if (!validate(config)) throw targetInvalid(validate.errors?.[0])
}

/** The same of a target that is whole as it came: nothing of it is blanked, and the host has no fields of its own for it. */
export function checkWhole(target: {
  readonly connector: Connector
  readonly config: unknown
  readonly own: object
}): void {
  requireBounded(target.config)
  if (Object.keys(target.own).length === 0 && findRedacted(target.config, '') === null)
    checkTarget(target.connector, target.config)
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
  if (unknown === '') {
    const reason = error === undefined ? 'it is not valid' : `it ${inWords(error)}`
    return new WaxsealError('TARGET_INVALID', { field, reason })
  }
  const meant = nearest(unknown, Object.keys((error?.parentSchema?.['properties'] as object | undefined) ?? {}))
  const hint = meant === null ? 'docs/connectors.md lists the fields.' : `Is ${meant} meant?`
  return new WaxsealError('TARGET_INVALID', { field, reason: 'no such field is known', hint })
}
