import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'

/** Whether data is of the form that a schema describes. */
export interface SchemaCheck<T> {
  (data: unknown): data is T
  /** What was wrong with the data that was refused last. */
  readonly errors: readonly ErrorObject[] | null
}

/**
 * One for all. Our own schemas are not held against the meta-schema, and what is compiled is not optimized: every start
 * would pay for it.
 */
const ajv = new Ajv({ allowUnionTypes: true, verbose: true, validateSchema: false, code: { optimize: false } })

/** Throws where a schema of someone else is none (draft-07). */
export function assertSchema(schema: object): void {
  if (ajv.validateSchema(schema) !== true) throw new TypeError(`schema is invalid: ${ajv.errorsText()}`)
}

/** The check of data against a JSON Schema (draft-07), compiled when it is first asked. */
export function schemaCheck<T>(schema: object): SchemaCheck<T> {
  let compiled: ValidateFunction<T> | null = null
  const check = (data: unknown): data is T => {
    compiled ??= ajv.compile<T>(schema)
    return compiled(data)
  }
  return Object.defineProperty(check, 'errors', { get: () => compiled?.errors ?? null }) as SchemaCheck<T>
}

/** All that was wrong, in a sentence that calls the data by this name. */
export function errorsText({ errors }: Pick<SchemaCheck<unknown>, 'errors'>, dataVar: string): string {
  return ajv.errorsText([...(errors ?? [])], { dataVar })
}
