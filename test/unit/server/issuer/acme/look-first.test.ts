import t from 'tap'
import { lookFirstBy } from '../../../../../src/server/issuer/acme/look-first.ts'
import { answering, dnsAddress, startAnswering } from '../../../../support/answering-server.ts'

const expected = { name: 'mail.example.org', token: 'a-token-of-more-than-128-bits', keyAuthorization: 'x' }

t.test('inner addresses are passed over with a warning, and asked where the CA is in an inner network', async (t) => {
  // Nobody has port 80 there.
  const { address } = dnsAddress()
  const dns = await startAnswering(
    t,
    ({ name, type }) => answering(...(type === 'A' ? [{ name, type: 'A', ttl: 1, data: address } as const] : [])),
    dnsAddress(),
  )
  const told: unknown[] = []
  const look = lookFirstBy({ resolvers: [dns], warn: (facts) => told.push(facts) })

  t.equal(await look(expected, false), null)
  t.match(told, [{ name: expected.name, reasons: [/^A 127\..* is an address of an inner network/] }])
  t.match(await look(expected, true), /^A 127\..* refuses the connection at port 80/)
  t.equal(told.length, 1)
})
