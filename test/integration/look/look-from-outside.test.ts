import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { lookFromOutside } from '../../../src/look/look-from-outside.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startDnsWorld } from '../../support/named/dns-world.ts'

/** Addresses of this machine that nobody else has: what listens at port 25 of one is no daemon of the machine's own. */
const [own, other, closed] = [10, 11, 12].map((last) => `127.25.${(process.pid % 250) + 1}.${last}`) as [
  string,
  string,
  string,
]
const networks = ['127.25.0.0/16']

t.test('a look from outside', { skip: unlessInstalled('postfix', 'named') }, async (t) => {
  const authority = await makeAuthority()
  const good = await authority.issue({ names: ['mx.good.org', 'mx.dane.org'] })
  const { tries } = await startMx(t, own, good)
  await startMx(t, other, await (await makeAuthority('nobody')).issue({ names: ['elsewhere.example.net'] }))
  const spki = createHash('sha256')
    .update(new X509Certificate(good.certificatePem).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
  const world = await startDnsWorld(t, {
    'good.org': ['@ MX 10 mx', `mx A ${own}`],
    'dane.org': [
      '@ MX 10 mx',
      '@ MX 20 old',
      `mx A ${own}`,
      `old A ${other}`,
      `_25._tcp.mx TLSA 3 1 1 ${spki}`,
      `_25._tcp.old TLSA 3 1 1 ${'ab'.repeat(32)}`,
    ],
    'bad.org': ['@ MX 10 mx', '@ MX 20 closed', `mx A ${other}`, `closed A ${closed}`],
    'inner.org': [
      '@ MX 10 mx',
      'mx A 127.0.0.1',
      'mx A 10.0.0.1',
      'mx A 169.254.169.254',
      'mx AAAA ::1',
      '@ MX 20 mapped',
      'mapped AAAA ::ffff:127.0.0.1',
      '@ MX 30 translated',
      'translated AAAA 64:ff9b::7f00:1',
    ],
    'null.org': ['@ MX 0 .'],
    'many.org': Array.from({ length: 40 }, (_, at) => [
      `@ MX ${at} mx${at}`,
      ...Array.from({ length: 8 }, (__, last) => `mx${at} A 127.25.200.${last + 1}`),
    ]).flat(),
  })
  const look = (domain: string, allowed: readonly string[] = networks) =>
    lookFromOutside(domain, {
      resolvers: [world.resolver],
      networks: allowed,
      roots: [authority.certificatePem],
      now: () => 0,
    })

  t.test('a domain whose MX serves a certificate that is trusted and for its name is in order', async (t) => {
    const report = await look('good.org')

    t.same(report.problems, [])
    t.match(report.exchanges, [
      {
        name: 'mx.good.org',
        tlsa: { count: 0 },
        addresses: [
          {
            address: own,
            leaf: good.sha256,
            distrust: null,
            coversName: true,
            matchesTlsa: null,
            tlsVersion: 'TLSv1.3',
          },
        ],
      },
    ])
  })

  t.test('TLSA records that DNSSEC vouches for decide, whoever has signed the certificate', async (t) => {
    const report = await look('dane.org')

    t.match(report.exchanges[0], { tlsa: { count: 1, secure: true }, addresses: [{ matchesTlsa: true }] })
    t.match(report.exchanges[1], { tlsa: { count: 1, secure: true }, addresses: [{ matchesTlsa: false }] })
    t.match(report.problems, [/old\.dane\.org .* matches none of its TLSA records/])
    t.equal(report.problems.length, 1)
  })

  t.test('a chain of nobody, another name and a closed port are told', async (t) => {
    const { problems } = await look('bad.org')

    t.match(problems.join('\n'), /mx\.bad\.org .*does not trust/)
    t.match(problems.join('\n'), /mx\.bad\.org .*is not for mx\.bad\.org/)
    t.match(problems.join('\n'), /closed\.bad\.org .*shows no certificate: connect: /)
  })

  t.test('no inner address is connected to unless the policy names it, in whatever form it is written', async (t) => {
    const before = tries()
    const report = await look('inner.org', [])
    const addresses = report.exchanges.flatMap((exchange) => exchange.addresses)

    t.ok(addresses.length >= 5, `${addresses.length}`)
    t.ok(
      addresses.every(({ skipped }) => skipped !== null),
      JSON.stringify(addresses.filter(({ skipped }) => skipped === null)),
    )
    t.match((await look('good.org', [])).problems, [/was not looked at/])
    t.equal(tries(), before)
  })

  t.test('a domain with many records costs ten connections', async (t) => {
    const report = await look('many.org')
    const addresses = report.exchanges.flatMap((exchange) => exchange.addresses)

    t.equal(report.exchanges.length, 5)
    t.equal(addresses.filter(({ skipped }) => skipped === null).length, 10)
  })

  t.test('a domain that takes no mail, and one that is not there, are told', async (t) => {
    t.match((await look('null.org')).problems, [/takes no mail/])
    t.match((await look('nowhere.org')).problems, [/has no address/])
  })
})

/** A real Postfix that is reached at port 25 of this address. */
async function startMx(t: Test, address: string, pair: TestPair): Promise<{ tries(): number }> {
  const dir = await makeTemporaryFolder('wx-mx-')
  const postfix = await startPostfix(dir, pair)
  const port = postfix.ports.find(({ name }) => name === 'smtp')?.port ?? 0
  let tries = 0
  const relay = createServer((socket) => {
    tries += 1
    const there = createConnection(port, '127.0.0.1')
    for (const [one, to] of [
      [socket, there],
      [there, socket],
    ] as const) {
      one.on('error', () => to.destroy())
      one.pipe(to)
    }
  })
  await once(relay.listen(25, address), 'listening')
  t.teardown(async () => {
    relay.close()
    await postfix.stop()
    await removeTree(dir)
  })
  return { tries: () => tries }
}
