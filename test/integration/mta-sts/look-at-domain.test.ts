import t, { type Test } from 'tap'
import { lookOnce } from '../../../src/courier/mta-sts-watch.ts'
import type { ShownHost } from '../../../src/documents/shown-host.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { lookAtDomain, type StsLook } from '../../../src/mta-sts/look-at-domain.ts'
import type { Condition } from '../../../src/notice/matter.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { endless, type Handler, type HttpsServer, startHttpsServer, text } from '../../support/https-server.ts'
import { type DnsWorld, startDnsWorld } from '../../support/named/dns-world.ts'

const announced = '_mta-sts TXT "v=STSv1; id=20261101;"'
const plain = { 'content-type': 'text/plain; charset=utf-8' }

function policy(mode: string, ...mx: readonly string[]): Handler {
  const lines = ['version: STSv1', `mode: ${mode}`, ...mx.map((name) => `mx: ${name}`), 'max_age: 86400']
  return text(200, `${lines.join('\r\n')}\r\n`, plain)
}

t.test('what senders that honour MTA-STS see', { skip: unlessInstalled('named') }, async (t) => {
  const world = await startDnsWorld(t, {
    'sts.org': [announced, '@ MX 10 mx1', '@ MX 20 mx.backup.net.'],
    'plain.org': ['@ MX 10 mx1.sts.org.'],
    'twice.org': [announced, '_mta-sts TXT "v=STSv1; id=2;"', '@ MX 10 mx1.sts.org.'],
    'without.org': [announced],
    'inner.org': [announced, 'mta-sts A 127.0.0.1', 'mta-sts AAAA ::1', 'mta-sts A 10.0.0.1'],
    'nowhere.org': [announced],
  })
  const { look, server, pem } = await site(t, world)

  t.test('a policy that names each MX, whose certificate is served, is in order', async (t) => {
    server.answer(policy('enforce', 'mx1.sts.org', '*.backup.net'))

    const seen = await look('sts.org')

    t.match(seen, { verdict: 'ok', problems: [], mx: ['mx1.sts.org', 'mx.backup.net'], policy: { mode: 'enforce' } })
    t.equal(server.requests.at(-1)?.headers.host, 'mta-sts.sts.org')
    t.equal(server.requests.at(-1)?.path, '/.well-known/mta-sts.txt')
  })

  t.test('an MX that the policy does not name gets no mail: failed in enforce, a warning in testing', async (t) => {
    server.answer(policy('enforce', 'mx1.sts.org'))
    t.match(await look('sts.org'), {
      verdict: 'failed',
      problems: [{ code: 'STS_MX_UNLISTED', text: /mx\.backup\.net/ }],
    })

    server.answer(policy('testing', 'mx1.sts.org'))
    t.match(await look('sts.org'), { verdict: 'warning', problems: [{ code: 'STS_MX_UNLISTED' }] })

    server.answer(policy('none'))
    t.match(await look('sts.org'), { verdict: 'ok', problems: [] })
  })

  t.test('an MX that is this host, and for which it serves no certificate, is found', async (t) => {
    server.answer(policy('enforce', 'mx1.sts.org', '*.backup.net'))

    t.match(await look('sts.org', { servedNames: ['mail.example.net'] }), {
      verdict: 'failed',
      problems: [{ code: 'STS_NOT_COVERED', text: /mx1\.sts\.org/ }],
    })
    t.match(await look('sts.org', { servedNames: ['*.sts.org'] }), { verdict: 'ok' })
    t.match(await look('sts.org', { ownNames: [], servedNames: [] }), { verdict: 'ok' }, 'it is another host')
  })

  t.test('a domain without a policy is not looked at further, and one without MX records is its own', async (t) => {
    const before = server.requests.length
    t.match(await look('plain.org'), { verdict: 'none', problems: [] })
    t.match(await look('twice.org'), { verdict: 'failed', problems: [{ code: 'STS_RECORD' }] })
    t.equal(server.requests.length, before)

    server.answer(policy('enforce', 'without.org'))
    t.match(await look('without.org'), { verdict: 'ok', mx: ['without.org'] })
  })

  t.test('what senders take for no policy is none: redirects, other types, errors, what is too large', async (t) => {
    const { promise: hungUp, resolve } = Promise.withResolvers<void>()
    const answers: readonly Handler[] = [
      text(301, '', { location: `${server.url}/elsewhere` }),
      text(404, '', plain),
      text(200, 'version: STSv1\nmode: none\nmax_age: 1\n', { 'content-type': 'text/html' }),
      text(200, 'hello', plain),
      (request, response) => {
        response.setHeader('content-type', 'text/plain')
        endless(200, resolve)(request, response)
      },
    ]
    for (const answer of answers) {
      server.answer(answer)
      t.match(await look('sts.org'), { verdict: 'failed', policy: null, problems: [{ code: 'STS_POLICY' }] })
    }
    await hungUp
    t.notOk(server.requests.some(({ path }) => path === '/elsewhere'))
  })

  t.test('a policy host whose certificate is for another name, or of nobody, has no policy', async (t) => {
    server.answer(policy('enforce', 'mx1.sts.org', '*.backup.net'))
    const { look: lookThere } = await site(t, world, ['mta-sts.other.org'])

    t.match(await lookThere('sts.org'), {
      verdict: 'failed',
      problems: [{ code: 'STS_POLICY', text: /cannot be fetched/ }],
    })
  })

  t.test('a policy host in an inner network is not connected to, and the way out is named', async (t) => {
    const view = { resolvers: [world.resolver], ownNames: [], servedNames: [] }

    const seen = await lookAtDomain('inner.org', view)

    t.match(seen, {
      verdict: 'failed',
      problems: [
        { code: 'STS_POLICY', text: /leads to an inner network from here \(.*127\.0\.0\.1.*policy\.resolvers/ },
      ],
    })
    t.match(await lookAtDomain('nowhere.org', view), { problems: [{ text: /mta-sts\.nowhere\.org has no address/ }] })
  })

  t.test('the watch tells each change once, and what is wrong is a matter for people', async (t) => {
    const told: string[] = []
    const seen: (readonly Condition[])[] = []
    const [known, line] = [new Map<string, string>(), (_: object, message: string) => void told.push(message)]
    const once = (): Promise<void> =>
      lookOnce(
        {
          domains: ['sts.org', 'plain.org'],
          view: viewOf(world, server, pem),
          readShown: async () => ({ records: [{ certificate: { names: ['mx1.sts.org'] } }] }) as unknown as ShownHost,
          onConditions: (conditions) => seen.push(conditions),
          clock: systemClock,
          log: { warn: line, info: line } as never,
          signal: new AbortController().signal,
        },
        known,
      )
    server.answer(policy('enforce', 'mx1.sts.org'))
    await once()
    await once()
    server.answer(policy('enforce', 'mx1.sts.org', '*.backup.net'))
    await once()

    t.same(told, ['MTA-STS is not in order', 'MTA-STS is in order again'])
    t.match(seen[0], [{ kind: 'mta-sts', code: 'STS_MX_UNLISTED' }])
    t.same(seen[2], [])
  })
})

async function site(t: Test, world: DnsWorld, names = ['mta-sts.sts.org', 'mta-sts.without.org']) {
  const authority = await makeAuthority()
  const server = await startHttpsServer(await authority.issue({ names }))
  t.teardown(() => server.close())
  const view = viewOf(world, server, authority.certificatePem)
  return {
    server,
    pem: authority.certificatePem,
    look: (domain: string, more: object = {}): Promise<StsLook> =>
      lookAtDomain(domain, { ...view, servedNames: ['mx1.sts.org'], ...more }),
  }
}

function viewOf(world: DnsWorld, server: HttpsServer, ca: string) {
  const { hostname, port } = new URL(server.url)
  const policyHost = { address: hostname, port: Number(port), ca }
  return { resolvers: [world.resolver], ownNames: ['mx1.sts.org'], policyHost }
}
