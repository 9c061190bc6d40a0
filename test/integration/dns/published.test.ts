import { join } from 'node:path'
import t from 'tap'
import { whyCaaRefuses } from '../../../src/dns/caa.ts'
import { lookEverywhere, whyNotEverywhere, type ZoneView } from '../../../src/dns/look-everywhere.ts'
import { changeRecords, publisherFor } from '../../../src/dns/publish.ts'
import type { DnsRecord } from '../../../src/dns/record.ts'
import { askTlsa } from '../../../src/dns/tlsa.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { type DnsWorld, startDnsWorld } from '../../support/named/dns-world.ts'
import { until } from '../../support/until.ts'

const owner = '_25._tcp.mx.example.org'
const digest = 'ab'.repeat(32)
const otherKey = `key "updates" { algorithm hmac-sha256; secret "${Buffer.alloc(32).toString('base64')}"; };\n`
const record = { name: owner, type: 'TLSA', value: `3 1 1 ${digest}`, ttl: 2 } as const

t.test('records of a signed zone', { skip: unlessInstalled('named', 'nsupdate') }, async (t) => {
  const world = await startDnsWorld(t, {
    'example.org': [
      'mx A 127.0.0.1',
      '_acme-challenge.mx CNAME mx.challenges.example.net.',
      '_25._tcp.alias CNAME mx._dane.example.net.',
      '@ CAA 0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01"',
    ],
    'example.net': [],
  })

  t.test(
    'a record is published, is everywhere once the secondary has it, and is gone when it is removed',
    async (t) => {
      await change(world, { ...record, change: 'add' })
      const early = await look(world, owner)
      await world.transfer()
      const late = await look(world, owner)
      await change(world, { ...record, change: 'remove' })
      await world.transfer()
      const gone = await look(world, owner)

      t.same(whyNotEverywhere(early, hasDigest), [`ns2.example.org (${world.secondary.address}) has something else`])
      t.same(whyNotEverywhere(late, hasDigest), [])
      t.same(
        whyNotEverywhere(gone, (records) => !hasDigest(records)),
        [],
      )
    },
  )

  t.test('a change that was made already is made again without a word', async (t) => {
    await t.resolves(change(world, { ...record, change: 'add' }))
    await t.resolves(change(world, { ...record, change: 'add' }))
    await t.resolves(change(world, { ...record, change: 'remove' }))
    await t.resolves(change(world, { ...record, change: 'remove' }))
  })

  t.test('an alias leads to the zone where its record is published', async (t) => {
    const before = await look(world, '_acme-challenge.mx.example.org', 'TXT')
    await change(world, { change: 'add', name: before.owner, type: 'TXT', value: 'token-1', ttl: 2 })
    await world.transfer()
    const after = await look(world, '_acme-challenge.mx.example.org', 'TXT')

    t.match(before, { owner: 'mx.challenges.example.net', zone: 'example.net', ttl: 2 })
    t.same(
      whyNotEverywhere(after, (records) => records.some(({ data }) => data === 'token-1')),
      [],
    )
  })

  t.test('what the resolver has validated is secure, through an alias too', async (t) => {
    await change(world, { ...record, name: 'mx._dane.example.net', value: `2 1 1 ${digest}`, change: 'add' })
    await world.transfer()
    const ask = () => askTlsa('_25._tcp.alias.example.org', [world.resolver])
    // Until then the resolver knows from the NSEC of another name that there is none (RFC 8198).
    await until(async () => (await ask().then((answer) => 'records' in answer && answer.records.length)) === 1)

    t.match(await ask(), {
      records: [{ usage: 2, selector: 1, matchingType: 1, data: digest }],
      isSecure: true,
    })
    t.match(await askTlsa('_25._tcp.nobody.example.org', [world.resolver]), { isSecure: true })
  })

  t.test('an authoritative server validates nothing, and is not believed', async (t) => {
    t.match(await askTlsa(owner, [world.primary]), { isSecure: false })
  })

  t.test('CAA records with an account and a method are found from below', async (t) => {
    const request = { identities: ['ca.example'], accountUri: 'https://ca.example/acct/1', method: 'dns-01' }

    t.equal(await whyCaaRefuses('mx.example.org', request, [world.resolver]), null)
    t.match(
      await whyCaaRefuses('mx.example.org', { ...request, method: 'http-01' }, [world.resolver]),
      /CAA records of example\.org name this CA for another account or method/,
    )
  })

  t.test('a key that the server does not know changes nothing, and nsupdate says why', async (t) => {
    const keyFile = join(t.testdir({ 'tsig.key': otherKey }), 'tsig.key')
    const [{ nsupdate }] = world.publishers

    await t.rejects(
      changeRecords([{ ...record, change: 'add' }], { zone: 'example.org', nsupdate: { ...nsupdate, keyFile } }),
      {
        code: 'DNS_UPDATE_FAILED',
        details: { program: 'nsupdate', exit: 2, output: /BADSIG/ },
      },
    )
    await t.rejects(
      changeRecords([{ ...record, change: 'add' }], {
        zone: 'example.org',
        nsupdate: { ...nsupdate, keyFile: '/none' },
      }),
      { code: 'DNS_UPDATE_FAILED', details: { exit: 2, output: /could not read key from .none/ } },
    )
  })

  t.test('a secondary that is down keeps a record from being everywhere', async (t) => {
    world.cutSecondary()

    const view = await look(world, owner)

    t.match(
      whyNotEverywhere(view, () => true),
      [/^ns2\.example\.org .* gives no answer: ETIMEOUT$/],
    )
  })
})

async function change({ publishers }: DnsWorld, ...changes: Parameters<typeof changeRecords>[0]): Promise<void> {
  const publisher = publisherFor(changes[0]?.name ?? '', publishers)
  if (publisher === null) throw new Error('nobody publishes it')
  await changeRecords(changes, publisher)
}

async function look({ resolver }: DnsWorld, name: string, type: 'TLSA' | 'TXT' = 'TLSA'): Promise<ZoneView> {
  const view = await lookEverywhere(name, type, [resolver])
  if ('failed' in view) throw new Error(view.failed)
  return view
}

function hasDigest(records: readonly DnsRecord[]): boolean {
  return records.some(({ type, data }) => type === 'TLSA' && data.data === digest)
}
