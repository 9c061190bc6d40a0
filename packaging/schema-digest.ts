import { createHash } from 'node:crypto'

/** Equal schemas have equal digests. */
export function schemaDigest(schema: object): string {
  return createHash('sha256').update(JSON.stringify(schema)).digest('hex')
}
