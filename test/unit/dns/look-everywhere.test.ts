import type { Answer } from 'dns-packet'
import t, { type Test } from 'tap'
import { followAliases } from '../../../src/dns/follow-aliases.ts'
import { isEverywhere, lookEverywhere, whyNotEverywhere, type ZoneView } from '../../../src/dns/look-everywhere.ts'
import { hasTlsa } from '../../../src/dns/tlsa.ts'
import { zoneOf } from '../../../src/dns/zone-of.ts'
import { isRoot } from '../../../src/host/host-facts.ts'
import type { DnsServer } from '../../../src/host/socket/dns-exchange.ts'
import { answering, dnsAddress, type Reply, startAnswering } from '../../support/answering-server.ts'

const owner = '_25._tcp.mx.example.org'
const next = { usage: 3, selector: 1, matchingType: 1, data: 'ab'.repeat(32) }
const skip = isRoot() ? false : 'only root has port 53'

t.test('a record is everywhere when each server of the zone has it', { skip }, async (t) => {
  const world = await startWorld(t, [answering(tlsa('ab')), answering(tlsa('cd', 300), tlsa('ab', 300))])

  const view = await look(world)

  t.ok(isEverywhere(view, (records) => hasTlsa(records, next)))
  t.match(view, { owner, zone: 'example.org', aliases: [], ttl: 300, unresolved: [] })
})

t.test('a server that has it not yet, or says nothing, is named', { skip }, async (t) => {
  const world = await startWorld(t, [answering(tlsa('ab')), answering(tlsa('cd')), { flags: 2 }])

  const view = await look(world)

  const [second, third] = world.addresses.slice(1)
  t.same(
    whyNotEverywhere(view, (records) => hasTlsa(records, next)),
    [`ns1.example.org (${second}) has something else`, `ns2.example.org (${third}) gives no answer: ESERVFAIL`],
  )
})

t.test('a server that does not serve the zone is passed over, as resolvers do', { skip }, async (t) => {
  const notOurs = { flags: 0, answers: [tlsa('cd')] }
  const world = await startWorld(t, [answering(tlsa('ab')), { flags: 5 }, notOurs])
  const alone = await startWorld(t, [{ flags: 5 }])

  t.ok(isEverywhere(await look(world), (records) => hasTlsa(records, next)))
  t.same(
    whyNotEverywhere(await look(alone), () => true),
    ['no server answers for the zone'],
  )
})

t.test('where an old copy would do harm, a server that the zone names has to serve it', { skip }, async (t) => {
  const world = await startWorld(t, [answering(tlsa('ab')), { flags: 5 }])

  const against = whyNotEverywhere(await look(world), (records) => hasTlsa(records, next), true)

  t.same(against, [`ns1.example.org (${world.addresses[1]}) does not serve the zone, which names it: EREFUSED`])
})

t.test('the records of other names in an answer count for nothing', { skip }, async (t) => {
  const world = await startWorld(t, [answering({ ...tlsa('ab'), name: '_25._tcp.mx.example.net' })])

  t.notOk(isEverywhere(await look(world), (records) => hasTlsa(records, next)))
})

t.test('where no record is, its absence is remembered for as long as the zone says', { skip }, async (t) => {
  t.match(await look(await startWorld(t, [answering()])), { ttl: 1800, negativeTtl: 1800 })
})

t.test('a server without an address keeps a record from being everywhere', { skip }, async (t) => {
  const world = await startWorld(t, [answering(tlsa('ab'))], {
    'NS example.org': ['ns0.example.org', 'gone.example.org'],
  })

  t.same(
    whyNotEverywhere(await look(world), () => true),
    ['gone.example.org has no address'],
  )
})

t.test('a zone with more servers than are ever asked is never called complete', { skip }, async (t) => {
  const many = Array.from({ length: 21 }, (_, index) => `ns${index}.example.org`)
  const world = await startWorld(t, [answering(tlsa('ab'))], { 'NS example.org': many })

  t.same(await lookEverywhere(owner, 'TLSA', [world.resolver]), { failed: 'ETOOMANY' })
})

t.test('a server that the parent alone hands over to counts, too', { skip }, async (t) => {
  const former = await startAnswering(t, () => answering(tlsa('cd')), dnsAddress())
  const referral = { type: 'NS', name: 'example.org', class: 'IN', ttl: 60, data: 'former.example.net' } as const
  const parent = await startAnswering(t, () => ({ flags: 0, authorities: [referral] }), dnsAddress())
  const world = await startWorld(t, [answering(tlsa('ab'))], {
    'NS org': ['a.org'],
    'A a.org': [parent.address],
    'A former.example.net': [former.address],
  })

  t.same(
    whyNotEverywhere(await look(world), (records) => hasTlsa(records, next)),
    [`former.example.net (${former.address}) has something else`],
  )
  t.match(parent.heard, [{ name: 'example.org', type: 'NS' }])
})

t.test('an alias is followed to its end, and a loop ends', { skip }, async (t) => {
  const { resolver } = await startWorld(t, [], {
    'CNAME a.example.org': ['b.example.org'],
    'CNAME b.example.org': ['c.example.net'],
    'CNAME loop.example.org': ['pool.example.org'],
    'CNAME pool.example.org': ['loop.example.org'],
    'CNAME self.example.org': ['self.example.org'],
  })

  t.same(await followAliases('a.example.org', [resolver]), {
    end: 'c.example.net',
    aliases: ['a.example.org', 'b.example.org'],
  })
  t.same(await followAliases('loop.example.org', [resolver]), { failed: 'ELOOP' })
  t.same(await followAliases('self.example.org', [resolver]), { failed: 'ELOOP' })
})

t.test('a chain of aliases without an end is given up', { skip }, async (t) => {
  const resolver = await startAnswering(t, ({ name }) =>
    answering({ type: 'CNAME', name, class: 'IN', ttl: 1, data: `a${name}` }),
  )

  t.same(await followAliases('x.example.org', [resolver]), { failed: 'ELOOP' })
  t.equal(resolver.heard.length, 9)
})

t.test('the zone of a name is found by its SOA, and by the one that a denial names', { skip }, async (t) => {
  const { resolver } = await startWorld(t, [])
  const denying = await startAnswering(t, ({ name, type }) => {
    const record = soa('example.org')
    return name === 'example.org' && type === 'SOA' ? answering(record) : { flags: 3, authorities: [record] }
  })

  t.match(await zoneOf('a.b.c.example.org', [resolver]), { zone: 'example.org' })
  t.match(await zoneOf('a.b.c.example.org', [denying]), { zone: 'example.org' })
  t.equal(denying.heard.length, 2)
})

t.test('a denial from a zone that is not above the name leads nowhere', { skip }, async (t) => {
  const evil = await startAnswering(t, () => ({ flags: 3, authorities: [soa('evil.example')] }))

  t.same(await zoneOf('a.example.org', [evil]), { failed: 'ENOZONE' })
})

/** A zone example.org with a server for each of these answers, and a resolver that knows where they are. */
interface World {
  readonly resolver: DnsServer
  readonly addresses: readonly string[]
}

async function startWorld(
  t: Test,
  replies: readonly Reply[],
  extra: Readonly<Record<string, readonly string[]>> = {},
): Promise<World> {
  const servers = await Promise.all(replies.map((reply) => startAnswering(t, () => reply, dnsAddress())))
  const known: Readonly<Record<string, readonly string[]>> = {
    'NS example.org': servers.map((_, index) => `ns${index}.example.org`),
    ...Object.fromEntries(servers.map(({ address }, index) => [`A ns${index}.example.org`, [address]])),
    ...extra,
  }
  const resolver = await startAnswering(t, ({ name, type }) => {
    if (type === 'SOA' && ['example.org', 'org'].includes(name)) return answering(soa(name))
    const data = known[`${type} ${name}`] ?? []
    return answering(...data.map((each) => ({ type, name, class: 'IN', ttl: 60, data: each }) as Answer))
  })
  return { resolver, addresses: servers.map(({ address }) => address) }
}

async function look({ resolver }: World): Promise<ZoneView> {
  const view = await lookEverywhere(owner, 'TLSA', [resolver])
  if ('failed' in view) throw new Error(view.failed)
  return view
}

function tlsa(byte: string, ttl = 60): Answer {
  const certificate = Buffer.from(byte.repeat(32), 'hex')
  return { type: 'TLSA', name: owner, class: 'IN', ttl, data: { usage: 3, selector: 1, matchingType: 1, certificate } }
}

function soa(name: string): Answer {
  return { type: 'SOA', name, class: 'IN', ttl: 60, data: { mname: `ns0.${name}`, rname: `a.${name}`, minimum: 1800 } }
}
