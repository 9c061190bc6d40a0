import t from 'tap'
import { registeredDomains } from '../../../../../src/server/issuer/acme/registered-domains.ts'

t.test('names share a domain that somebody registered, whatever is before it', async (t) => {
  const names = ['mail.example.org', '*.example.org', 'MX.deep.Example.org', 'example.org']

  t.same(await registeredDomains(names), ['example.org'])
})

for (const [name, domain] of [
  ['mail.example.co.uk', 'example.co.uk'],
  ['www.city.kobe.jp', 'city.kobe.jp'],
  ['a.b.c.kobe.jp', 'b.c.kobe.jp'],
  ['a.b.example.ck', 'b.example.ck'],
  ['mail.xn--bcher-kva.xn--p1ai', 'xn--bcher-kva.xn--p1ai'],
  ['mail.example.xn--55qx5d.cn', 'example.xn--55qx5d.cn'],
  ['mail.customer.dyndns.org', 'customer.dyndns.org'],
  ['a.customer.github.io', 'customer.github.io'],
  ['mail.internal', 'mail.internal'],
] as const)
  t.test(`${name} counts for ${domain}`, async (t) => {
    t.same(await registeredDomains([name]), [domain])
  })

t.test('what nobody can register, or is no name, stands for itself', async (t) => {
  t.same(await registeredDomains(['co.uk', '*.github.io', 'localhost', '192.0.2.1', '2001:db8::1']), [
    'co.uk',
    'github.io',
    'localhost',
    '192.0.2.1',
    '2001:db8::1',
  ])
})
