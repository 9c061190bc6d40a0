import type { Answer } from 'dns-packet'
import t, { type Test } from 'tap'
import { whyCaaRefuses } from '../../../src/dns/caa.ts'
import type { DnsServer } from '../../../src/host/socket/dns-exchange.ts'
import { answering, startAnswering } from '../../support/answering-server.ts'

const request = { identities: ['ca.example'], accountUri: 'https://ca.example/acct/1', method: 'dns-01' }

t.test('the nearest name with CAA records decides', async (t) => {
  const resolver = await startZone(t, { 'example.org': 'other.example', 'mx.example.org': 'ca.example' })

  t.equal(await whyCaaRefuses('a.mx.example.org', request, [resolver]), null)
  t.match(
    await whyCaaRefuses('www.example.org', request, [resolver]),
    /^the CAA records of example\.org name other CAs/,
  )
  t.equal(await whyCaaRefuses('www.example.net', request, [resolver]), null)
})

t.test('a wildcard is asked for without its star', async (t) => {
  const resolver = await startZone(t, { 'example.org': 'other.example' })

  t.match(await whyCaaRefuses('*.example.org', request, [resolver]), /name other CAs/)
})

t.test('an answer that cannot be had refuses, as it does for the CA', async (t) => {
  const broken = await startAnswering(t, () => ({ flags: 2 }))

  t.equal(
    await whyCaaRefuses('mx.example.org', request, [broken]),
    'the CAA records of mx.example.org cannot be read: ESERVFAIL',
  )
})

t.test('the records where an alias leads to count for the alias', async (t) => {
  const resolver = await startAnswering(t, ({ name }) =>
    name === 'mx.example.org'
      ? answering(
          { type: 'CNAME', name, class: 'IN', ttl: 1, data: 'a.example.net' },
          caa('a.example.net', 'other.example'),
        )
      : answering(),
  )

  t.match(await whyCaaRefuses('mx.example.org', request, [resolver]), /name other CAs/)
})

async function startZone(t: Test, issuers: Readonly<Record<string, string>>): Promise<DnsServer> {
  return startAnswering(t, ({ name }) => {
    const issuer = issuers[name]
    return issuer === undefined ? answering() : answering(caa(name, issuer))
  })
}

function caa(name: string, value: string): Answer {
  return { type: 'CAA', name, class: 'IN', ttl: 60, data: { flags: 0, tag: 'issue', value } }
}
