import { portOf } from '../wiring/port-of.ts'
import { reachable } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'
import type { Service } from './read-services.ts'

/** Where a service of type `inet` is met from here: `smtp`, `587`, `127.0.0.1:smtp`, `[::1]:10025`; null: at no port. */
export function listensAt(
  { name, settings }: Service,
  services: Uint8Array | null,
  loopbacks: readonly string[],
): { readonly hosts: readonly string[]; readonly port: number } | null {
  const at = /^(?:(.*):)?([^:]+)$/.exec(name)
  const port = portOf(at?.[2] ?? '', services)
  if (port === null) return null
  const addresses = at?.[1] === undefined || at[1] === '' ? listOf(settings.inet_interfaces) : [at[1]]
  const families = listOf(settings.inet_protocols.toLowerCase())
  const own = loopbacks.filter((address) => {
    const family = address === '::1' ? 'ipv6' : 'ipv4'
    return families.includes('all') || families.includes(family)
  })
  return { hosts: reachable(addresses, own), port }
}
