import type { ErrorObject, ValidateFunction } from 'ajv'
import { compileSchema } from './compile-schema.ts'

/** Whether data is of the form that a schema describes. */
export interface SchemaCheck<T> {
  (data: unknown): data is T
  /** What was wrong with the data that was refused last. */
  readonly errors: readonly ErrorObject[] | null
}

/** The check of data against a JSON Schema (draft-07), compiled when it is first asked. */
export function schemaCheck<T>(schema: object): SchemaCheck<T> {
  let compiled: ValidateFunction<T> | null = null
  const check = (data: unknown): data is T => {
    compiled ??= compileSchema<T>(schema)
    return compiled(data)
  }
  return Object.defineProperty(check, 'errors', { get: () => compiled?.errors ?? null }) as SchemaCheck<T>
}

/** All that was wrong, in a sentence that calls the data by this name. */
export function errorsText({ errors }: Pick<SchemaCheck<unknown>, 'errors'>, dataVar: string): string {
  return (errors ?? []).map(({ instancePath, message }) => `${dataVar}${instancePath} ${message}`).join(', ')
}
