import { type KeyWish, mostKeptKeys } from '../documents/job.ts'
import { keyKindIn, keyKinds } from '../plan/key-kind.ts'
import type { WorkItem } from './wire.ts'

const digest = /^[0-9a-f]{64}$/

/**
 * Which key a CSR is to have (protocol §4). An item without a `key` of ours says nothing: another server may mean other things by the
 * rest. Null: it wants a kind of key that this agent does not make. What else cannot be read is left out.
 */
export function keyWishOf(item: WorkItem): KeyWish | null {
  const { key, key_type, next_key, current_spki_sha256: current, keep_spki } = item
  if (key !== 'rotate' && key !== 'reuse') return {}
  const keyType = typeof key_type === 'string' ? keyKindIn(key_type) : undefined
  if (keyType === null) return null
  const keepSpki = Array.isArray(keep_spki) ? keep_spki.filter(isDigest).slice(0, mostKeptKeys) : []
  return {
    key,
    ...(keyType === undefined ? {} : { keyType }),
    ...(next_key === true ? { nextKey: true } : {}),
    ...(isDigest(current) ? { currentSpki: current } : {}),
    ...(keepSpki.length === 0 ? {} : { keepSpki }),
  }
}

/** Why such an item is answered as failed. */
export function unknownKeyType({ key_type }: WorkItem): string {
  const wanted = JSON.stringify(String(key_type).slice(0, 100))
  return `key_type is ${wanted}; this agent makes keys of the types ${keyKinds.join(', ')}`
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && digest.test(value)
}
