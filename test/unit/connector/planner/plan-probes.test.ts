import t from 'tap'
import { planProbes, planRetry } from '../../../../src/connector/planner/plan-probes.ts'
import type { PairTarget } from '../../../../src/connector/planner/target.ts'
import type { Material } from '../../../../src/material/material.ts'
import { parseMaterial } from '../../../../src/material/parse-material.ts'
import type { Probe } from '../../../../src/plan/plan.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const authority = await makeAuthority()
const material = await materialOf(['*.example.net', 'mail.example.net'])

t.test('the protocol of a probe is that of its port, unless the target names one', async (t) => {
  const ports = [24, 25, 110, 143, 465, 587, 993, 995, 4190, 8443]

  const probes = probesOf({ endpoints: ports.map((port) => `mail.example.net:${port}`) })

  t.same(
    probes.map(({ protocol }) => protocol),
    ['lmtp', 'smtp', 'pop3', 'imap', 'tls', 'smtp', 'tls', 'tls', 'sieve', 'tls'],
  )
  t.match(probesOf({ endpoints: [{ endpoint: 'a.example:25', protocol: 'tls' }] }), [{ protocol: 'tls' }])
  t.match(probesOf({ post_deploy_verify: { endpoint: 'a.example:2526', protocol: 'smtp' } }), [{ protocol: 'smtp' }])
})

t.test('post_deploy_verify.endpoint comes first, the endpoints follow in their order', async (t) => {
  const probes = probesOf({
    post_deploy_verify: { enabled: true, endpoint: 'mail.example.net:25' },
    endpoints: ['192.0.2.1:465', { endpoint: '[2001:db8::1]:993', servername: 'imap.example.net', key_type: 'rsa' }],
  })

  t.match(probes, [
    { host: 'mail.example.net', port: 25, servername: 'mail.example.net', keyType: null, timeoutMs: 10_000 },
    { host: '192.0.2.1', port: 465, servername: 'mail.example.net', keyType: null },
    { host: '2001:db8::1', port: 993, servername: 'imap.example.net', keyType: 'rsa' },
  ])
})

t.test('no name is asked for where the certificate has none but addresses', async (t) => {
  const bare = await materialOf([], ['192.0.2.1', '2001:db8::1'])

  t.match(planProbes({ endpoints: ['192.0.2.1:25'] }, bare).probes, [{ servername: null }])
})

t.test(
  'the host of an endpoint is asked for where the certificate covers it, else another name that it covers',
  async (t) => {
    const wildcard = await materialOf(['*.example.net'])
    const mixed = await materialOf(['*.example.net', 'example.net', 'MX.example.org'])
    const asked = (names: Material, host: string): unknown =>
      planProbes({ endpoints: [`${host}:25`] }, names).probes[0]?.servername

    t.equal(asked(wildcard, 'mail.example.net'), 'mail.example.net')
    t.equal(asked(wildcard, 'deep.mail.example.net'), 'waxseal.example.net')
    t.equal(asked(wildcard, 'example.net'), 'waxseal.example.net')
    t.equal(asked(wildcard, '127.0.0.1'), 'waxseal.example.net')
    t.equal(asked(mixed, 'Mail.example.net'), 'mail.example.net')
    t.equal(asked(mixed, 'mx.example.org'), 'mx.example.org')
    t.equal(asked(mixed, 'localhost'), 'example.net')
  },
)

t.test('an endpoint says which PROXY header it wants, and which kind of key to ask for', async (t) => {
  const endpoint = '192.0.2.1:25'

  const probes = probesOf({
    post_deploy_verify: { endpoint, proxy: 'v2', key_type: 'ed25519' },
    endpoints: [{ endpoint, proxy: 'v1' }, { endpoint, proxy: 2 }, { endpoint }],
  })

  t.same(
    probes.map(({ proxy, keyType }) => [proxy, keyType]),
    [
      [2, 'ed25519'],
      [1, null],
      [2, null],
      [undefined, null],
    ],
  )
})

t.test('what is no endpoint is refused', async (t) => {
  for (const endpoint of [
    'mail',
    ':25',
    'mail:',
    'mail:0',
    'mail:65536',
    '2001:db8::1:25',
    '[::1]',
    'a b:25',
    'a/b:25',
  ]) {
    t.throws(() => probesOf({ endpoints: [endpoint] }), { code: 'TARGET_INVALID', details: { field: 'endpoint' } })
  }
})

t.test('enabled: false verifies nothing, and says so', async (t) => {
  const target = { post_deploy_verify: { enabled: false, endpoint: 'a.example:25' }, endpoints: ['a.example:25'] }

  const { probes, unverified } = planProbes(target, material)

  t.same(probes, [])
  t.match(unverified, /enabled: false/)
})

t.test('an empty endpoint is none', async (t) => {
  const { probes, unverified } = planProbes({ post_deploy_verify: { enabled: true, endpoint: '' } }, material)

  t.same(probes, [])
  t.match(unverified, /no endpoint/)
})

t.test('the time limit of a try is a string or nanoseconds, and 10 s where it is 0 or left out', async (t) => {
  const timeoutOf = (timeout?: string | number): number | undefined =>
    probesOf({ post_deploy_verify: { endpoint: 'a.example:25', ...(timeout === undefined ? {} : { timeout }) } })[0]
      ?.timeoutMs

  t.equal(timeoutOf(), 10_000)
  t.equal(timeoutOf(0), 10_000)
  t.equal(timeoutOf('3s'), 3000)
  t.equal(timeoutOf(5_000_000_000), 5000)
  t.throws(() => timeoutOf('soon'), { code: 'TARGET_INVALID', details: { field: 'post_deploy_verify.timeout' } })
})

t.test('a target that sets no retry gets 8 tries from 0.1 s to 16 s', async (t) => {
  const ours = { attempts: 8, initialMs: 100, maxMs: 16_000 }
  const zeros = {
    post_deploy_verify_attempts: 0,
    post_deploy_verify_backoff: 0,
    post_deploy_verify_max_backoff: 0,
  }

  t.same(planRetry({}), ours)
  t.same(planRetry(zeros), ours)
})

t.test('a target that sets any of the three gets the published defaults for the others', async (t) => {
  t.same(planRetry({ post_deploy_verify_attempts: 5 }), { attempts: 5, initialMs: 1000, maxMs: 16_000 })
  t.same(planRetry({ post_deploy_verify_backoff: '2s' }), { attempts: 3, initialMs: 2000, maxMs: 16_000 })
  t.same(planRetry({ post_deploy_verify_max_backoff: 4_000_000_000 }), { attempts: 3, initialMs: 1000, maxMs: 4000 })
  t.same(planRetry({ post_deploy_verify_attempts: 0, post_deploy_verify_backoff: 500_000_000 }), {
    attempts: 3,
    initialMs: 500,
    maxMs: 16_000,
  })
})

t.test('a wait that is none is refused by name', async (t) => {
  for (const field of ['post_deploy_verify_backoff', 'post_deploy_verify_max_backoff'] as const) {
    t.throws(() => planRetry({ [field]: '2 s' }), { code: 'TARGET_INVALID', details: { field } })
    t.throws(() => planRetry({ [field]: -1 }), { code: 'TARGET_INVALID', details: { field } })
  }
})

t.test('a look or a wait that would keep this host busy for hours is refused, with the limit', async (t) => {
  const endpoint = '127.0.0.1:25'
  t.throws(() => probesOf({ post_deploy_verify: { endpoint, timeout: '2h' } }), {
    code: 'TARGET_INVALID',
    details: { field: 'post_deploy_verify.timeout', limit: 'probeTimeout', most: 60_000 },
  })
  for (const field of ['post_deploy_verify_backoff', 'post_deploy_verify_max_backoff'] as const)
    t.throws(() => planRetry({ [field]: '2h' }), { code: 'TARGET_INVALID', details: { field, limit: 'verifyBackoff' } })
  t.match(probesOf({ post_deploy_verify: { endpoint, timeout: '60s' } }), [{ timeoutMs: 60_000 }])
  t.match(planRetry({ post_deploy_verify_max_backoff: '5m' }), { maxMs: 300_000 })
})

function probesOf(target: PairTarget): readonly Probe[] {
  return planProbes(target, material).probes
}

async function materialOf(names: readonly string[], ips: readonly string[] = []): Promise<Material> {
  return parseMaterial({ ...(await authority.issue({ names, ips })), now: new Date() })
}
