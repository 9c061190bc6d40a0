import type { Test } from 'tap'
import { type Machine, openMachine } from './machine.ts'
import { addressOf, ownAddress } from './network.ts'
import { type PublicCa, rootZone, startPublicCa } from './public-ca.ts'
import { openSite, type Site } from './site.ts'

/** All that the pages speak of: `certs` and `mail`, the name server `ns1`, two more mail hosts, `mx1` and `mx2`, and a public CA. */
export interface GuidedSite extends Site {
  readonly ca: PublicCa
}

/** Those of the pages that serve mail. */
export type MailHost = 'mail' | 'mx1' | 'mx2'

/** The address of `ns1`. */
export const nameServer = addressOf(53)
/** Where it is before the page has it moved. */
const zoneFile = '/etc/bind/example.net.zone'
const zone = `$TTL 2
@ SOA ns1 hostmaster 1 3600 600 86400 2
@ NS ns1
ns1 A ${nameServer}
mail A ${addressOfHost('mail')}
mx1 A ${addressOfHost('mx1')}
mx2 A ${addressOfHost('mx2')}
`
const hosts = `${addressOf(1)} certs.example.net certs\n`

/** Boots all, of Debian 13. Nothing of Waxseal is installed yet, `mx1` has certbot, and `mx2` lego. The CA's certificates live as long as is said. */
export async function openGuidedSite(t: Test, lifeS: number): Promise<GuidedSite> {
  const site = await openSite('trixie', ownAddress, { fetched: ['bind9-dnsutils'] })
  const others: Machine[] = []
  t.teardown(async () => {
    await Promise.all(others.map((machine) => machine.remove()))
    await site.close()
  })
  const open = async (hostname: string, number: number, installed: readonly string[]): Promise<Machine> => {
    const own = `${addressOf(number)} ${hostname}.example.net ${hostname}\n`
    const options = { release: 'trixie', hostname, number, bridge: site.bridge, added: { installed } } as const
    const machine = await openMachine({ ...options, hosts: `${hosts}${own}` })
    others.push(machine)
    return machine
  }
  const [ns1, mx1, mx2] = await Promise.all([
    open('ns1', 53, ['bind9', 'bind9-utils']),
    open('mx1', 3, ['certbot']),
    open('mx2', 4, ['lego']),
  ])
  await serveZones(ns1)
  const ca = await startPublicCa(t, { address: ownAddress, resolver: `${nameServer}:53`, lifeS })
  await Promise.all(
    [site.control, site.mail, mx1, mx2].map(async (machine) => {
      await machine.write('/etc/resolv.conf', `nameserver ${nameServer}\n`)
      await ca.trustedBy(machine)
    }),
  )
  // Nobody is there to say so.
  await site.control.write('/etc/apt/apt.conf.d/90yes', 'APT::Get::Assume-Yes "true";\n')
  return { ...site, machines: { ...site.machines, ns1, mx1, mx2 }, ca }
}

/** Where a mail host is. */
export function addressOfHost(host: MailHost): string {
  return addressOf({ mail: 2, mx1: 3, mx2: 4 }[host])
}

/** The zone is served as it is before anybody has heard of Waxseal; above it there is this server alone. */
async function serveZones(ns1: Machine): Promise<void> {
  await ns1.write('/etc/bind/named.conf.options', 'options { directory "/var/cache/bind"; dnssec-validation no; };\n')
  await ns1.write('/etc/bind/named.conf.root-hints', 'zone "." { type primary; file "/etc/bind/db.root"; };\n')
  await ns1.write('/etc/bind/db.root', rootZone(nameServer, ownAddress))
  await ns1.write('/etc/bind/named.conf.local', `zone "example.net" { type primary; file "${zoneFile}"; };\n`)
  await ns1.write(zoneFile, zone)
  await ns1.run('systemctl', 'restart', 'named')
}
