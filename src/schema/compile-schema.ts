import { Ajv, type Options, type ValidateFunction } from 'ajv'

/** Our own schemas are not held against the meta-schema, and what is compiled is not optimized: each first use would pay for it. */
export const schemaOptions = {
  allowUnionTypes: true,
  verbose: true,
  validateSchema: false,
  code: { optimize: false },
} as const satisfies Options

/** One for all. */
const ajv = new Ajv(schemaOptions)

/** The function that holds data against a JSON Schema (draft-07). In the bundle some are compiled already (packaging/compiled-schemas.ts). */
export function compileSchema<T>(schema: object): ValidateFunction<T> {
  return ajv.compile<T>(schema)
}

/** Throws where a schema of someone else is none (draft-07). */
export function assertSchema(schema: object): void {
  if (ajv.validateSchema(schema) !== true) throw new TypeError(`schema is invalid: ${ajv.errorsText()}`)
}
