import { reachable } from '../wiring.ts'
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

const known: Readonly<Record<string, number>> = { smtp: 25, smtps: 465, submissions: 465, submission: 587 }

/** By number, by our table, by services(5). */
function portOf(name: string, services: Uint8Array | null): number | null {
  const port = /^\d{1,5}$/.test(name) ? Number(name) : (known[name] ?? portIn(services, name))
  return port > 0 && port < 65_536 ? port : null
}

function portIn(services: Uint8Array | null, name: string): number {
  const line = new TextDecoder()
    .decode(services ?? new Uint8Array())
    .split('\n')
    .map((row) => (row.split('#')[0] ?? '').trim().split(/\s+/))
    .find(([first, port, ...aliases]) => port?.endsWith('/tcp') === true && [first, ...aliases].includes(name))
  return Number.parseInt(line?.[1] ?? '', 10)
}
