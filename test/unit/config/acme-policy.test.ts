import t from 'tap'
import { resolveAcmePolicy } from '../../../src/config/acme-policy.ts'

t.test('a host answers challenges in one way, or not at all', async (t) => {
  const read = (http?: object) => resolveAcmePolicy(http === undefined ? undefined : { http }, 'waxseal.yaml').http

  t.equal(read(), null)
  t.same(read({ webroot: '/var/www/html' }), { webroot: '/var/www/html', accounts: null })
  t.same(read({ responder: true }), { responder: true, accounts: null })
  const accounts = ['A'.repeat(43)]
  t.same(read({ responder: true, accounts }), { responder: true, accounts })
  for (const neither of [{}, { responder: false }, { responder: true, webroot: '/var/www/html' }]) {
    t.throws(() => read(neither), { code: 'CONFIG_INVALID', details: { path: 'policy.acme.http' } })
  }
})

t.test('a host that renews by itself says where, and has a way to answer', async (t) => {
  const own = { directory: 'https://acme.example/directory' }

  t.same(resolveAcmePolicy({ http: { responder: true }, own }, 'waxseal.yaml').own, {
    directory: 'https://acme.example/directory',
    caFile: null,
    after: 0.9,
    names: null,
    profile: null,
    contact: [],
    acceptsTerms: false,
  })
  const without = { code: 'CONFIG_INVALID', details: { path: 'policy.acme.own' } }
  t.throws(() => resolveAcmePolicy({ own }, 'waxseal.yaml'), without)
})
