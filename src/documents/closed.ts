/** JSON schema of an object that has all of these fields, and no other. */
export function closed(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', additionalProperties: false, required: Object.keys(properties), properties }
}

/** JSON schema of a list of at most so many. */
export function listOf(items: object, maxItems: number): object {
  return { type: 'array', maxItems, items }
}

/** JSON schema of the same, or null. */
export function orNull(schema: object): object {
  return { anyOf: [schema, { type: 'null' }] }
}
