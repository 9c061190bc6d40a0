import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { clientLifeOf, clientPairIn, credentialOf } from '../../../src/control-plane/client-pair.ts'
import { clientCredential } from '../../../src/control-plane/credential-calls.ts'
import { openPools } from '../../../src/control-plane/pools.ts'
import { makeAuthority } from '../../support/certificates.ts'

const authority = await makeAuthority()
const [pair, other] = await Promise.all([
  authority.issue({ names: ['a.test'] }),
  authority.issue({ names: ['b.test'] }),
])

t.test('a pair is one line of printable characters, and is read again as it was', async (t) => {
  const credential = credentialOf(pair)
  t.match(credential, /^wxc_[\x21-\x7e]{100,4000}$/)
  t.same(clientPairIn(credential), {
    keyPem: pair.keyPem,
    certificatePem: pair.certificatePem.trimEnd().concat('\n'),
  })
  const { notBefore, notAfter, chance } = clientLifeOf(credential) ?? { notBefore: 0, notAfter: 0, chance: -1 }
  t.ok(notBefore < notAfter && chance >= 0 && chance < 1)
})

t.test('a secret is no pair, whatever it looks like', async (t) => {
  const [key = '', certificate = ''] = credentialOf(pair).slice(4).split('.')
  const [otherKey = ''] = credentialOf(other).slice(4).split('.')
  for (const text of [
    'wxa_secret',
    'wxc_',
    'wxc_a.b',
    `wxc_${key}`,
    `wxc_${otherKey}.${certificate}`,
    `${key}.${certificate}`,
  ]) {
    t.equal(clientPairIn(text), null, text.slice(0, 20))
    t.equal(clientLifeOf(text), null)
  }
})

t.test('a damaged pair is sent to nobody', async (t) => {
  const pools = openPools({ ca: null, timeoutMs: 1000 })
  t.teardown(() => pools.close())
  const whole = credentialOf(pair)

  t.equal(pools.of('wxa_secret').isBearer, true)
  t.equal(pools.of(whole).isBearer, false)
  t.equal(pools.of(whole).agent, pools.of(whole).agent)
  t.throws(() => pools.of(whole.slice(0, -20)), { code: 'CONFIG_INVALID' })
})

t.test('what a server sends that is no certificate for this key is no credential', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const pem of [pair.certificatePem, 'no certificate', ''])
    t.throws(() => clientCredential(keyPem, pem), { code: 'CONTROL_PLANE_UNREACHABLE' })
  t.ok(clientCredential(pair.keyPem, pair.certificatePem))
})
