import { ownPath } from '../host/file/link/own-path.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { localHostname } from '../host/host-facts.ts'
import { type OrderKey, readOrderKey } from '../order/order-key.ts'
import { configInvalid } from './parse-yaml.ts'

/** Whose orders this host takes, and by which name they mean it. */
export interface OrderPolicy {
  /** A present and a next one. */
  readonly keys: readonly OrderKey[]
  readonly host: string
}

/** The same as people write it. */
export interface WrittenOrders {
  /** Each the path of a PEM file, or the base64 of an SPKI. */
  readonly keys: readonly string[]
  readonly host?: string
}

const maxBytes = 16 * 1024

/** Reads the keys. CONFIG_INVALID: one cannot be read, or is none: then this host takes no jobs, and not those of anybody. */
export async function readOrderPolicy(file: string, written: WrittenOrders | undefined): Promise<OrderPolicy | null> {
  if (written === undefined) return null
  const keys = await Promise.all(
    written.keys.map(async (text, index) => {
      const path = `policy.orders.keys[${index}]`
      const key = readOrderKey(text.startsWith('/') ? await readKeyFile(file, path, text) : text)
      if (key !== null) return key
      const hint = 'Name a PEM file with the public key alone, or write what sign --new-key has printed.'
      throw configInvalid(file, path, 'it is no public key of the kind Ed25519', hint)
    }),
  )
  return { keys, host: written.host ?? localHostname() }
}

async function readKeyFile(file: string, path: string, name: string): Promise<string> {
  try {
    return Buffer.from((await readBounded(await ownPath(name), maxBytes)) ?? []).toString('latin1')
  } catch (error) {
    throw configInvalid(file, path, (error as Error).message, 'Name a readable file that root alone may write.')
  }
}
