import { nearest } from '../../error/nearest.ts'
import { inWords } from '../../schema/in-words.ts'
import { schemaCheck } from '../../schema/schema-check.ts'
import type { Connector } from '../connector.ts'
import { isRedacted } from './check-target.ts'

interface Schema {
  readonly properties?: Readonly<Record<string, object>>
}

/** Why these cannot be fields of a target, each looked at by itself: others may be to come. Null: they can. */
export function reasonAgainstFields(
  { name, schema }: Connector,
  fields: Readonly<Record<string, unknown>>,
): string | null {
  const { properties = {} } = schema as Schema
  for (const [field, value] of Object.entries(fields)) {
    const known = properties[field]
    if (known === undefined) return `${name} has no field ${field}${meant(field, Object.keys(properties))}`
    if (isRedacted(value)) return `${field} is a blanked copy: write its value`
    const isValid = schemaCheck(known)
    if (isValid(value)) continue
    const [error] = isValid.errors ?? []
    const unknown = error?.params['additionalProperty'] as string | undefined
    if (unknown !== undefined) return `${field} has no field ${unknown}`
    return error === undefined
      ? `${field} is not valid`
      : `${field}${error.instancePath.replaceAll('/', '.')} ${inWords(error)}`
  }
  return null
}

function meant(field: string, known: readonly string[]): string {
  const near = nearest(field, [...known, 'target_id', 'target_name'])
  return near === null ? '; docs/connectors.md lists them' : `: is ${near} meant?`
}
