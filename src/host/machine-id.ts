import { createHash } from 'node:crypto'
import { readBounded } from './file/read-bounded.ts'

const longest = 4096

/**
 * A digest of this machine's id, for control planes alone (protocol §4): the id itself, which other programs know, cannot be told from
 * it. Null: this machine has none (machine-id(5)).
 */
export async function machineDigest(file = '/etc/machine-id'): Promise<string | null> {
  const bytes = await readBounded(file, longest).catch(() => null)
  const id = Buffer.from(bytes ?? '')
    .toString('utf8')
    .replaceAll(/\s/g, '')
  if (!/^[0-9a-f]{32}$/.test(id)) return null
  return createHash('sha256').update(`waxseal machine ${id}`).digest('hex')
}
