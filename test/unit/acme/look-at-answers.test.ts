import type { RequestListener } from 'node:http'
import t from 'tap'
import { startChallengeWeb } from '../../support/challenge-web.ts'

const name = 'mail.example.org'
const token = 'a-token-of-more-than-128-bits'
const keyAuthorization = `${token}.thumbprint`
const expected = { name, token, keyAuthorization }
const right: RequestListener = (_, response) => void response.end(`${keyAuthorization}\n`)
const says =
  (status: number, body = '', headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(status, headers).end(body)

t.test('an answer that is right at each address is asked for as a CA does, without a word too many', async (t) => {
  const web = await startChallengeWeb(t, { '127.8.0.1': right, '::1': right })

  t.same(await web.look(expected), { against: null, passedOver: [] })

  t.same(
    web.asked.map(({ at, url }) => `${at} ${url}`).toSorted(),
    ['127.8.0.1', '::1'].map((at) => `${at} /.well-known/acme-challenge/${token}`),
  )
  t.match(web.asked[0]?.headers, { host: name, 'user-agent': /^waxseal\// })
  t.notOk(web.asked.some(({ headers }) => 'cookie' in headers || 'authorization' in headers))
})

t.test('an AAAA record that leads to another machine is named, with what to do', async (t) => {
  const web = await startChallengeWeb(t, { '127.8.0.1': right, '::1': says(404, 'x'.repeat(100_000)) })

  t.same(await web.look(expected), {
    against: `AAAA ::1 answers 404: it leads to another machine. Remove the record, or let that host answer for ${name}, too.`,
    passedOver: [],
  })
})

t.test('whatever else than the answer comes, at any address, is wrong', async (t) => {
  const wrong: Readonly<Record<string, [RequestListener | null, RegExp]>> = {
    'another file': [says(200, `${token}.another`), /answers with something else/],
    'a file without an end': [(_, response) => endless(response), /answers with something else/],
    'nobody listens': [null, /refuses the connection at port 80/],
    'it hangs up': [({ socket }) => void socket.destroy(), /gives no answer of HTTP \(/],
    'it is no HTTP': [({ socket }) => void socket.end('220 mail.example.org ESMTP\r\n'), /gives no answer of HTTP \(/],
    'it changes the protocol': [
      ({ socket }) => void socket.end('HTTP/1.1 101 x\r\nupgrade: y\r\nconnection: upgrade\r\n\r\n'),
      /gives no answer of HTTP \(/,
    ],
    'it says nothing': [() => {}, /takes the connection at port 80 and gives no answer of HTTP \(ETIMEDOUT\)/],
  }
  for (const [title, [handler, text]] of Object.entries(wrong)) {
    const web = await startChallengeWeb(t, {
      '127.8.0.1': right,
      ...(handler === null ? {} : { '127.8.0.2': handler }),
    })
    const timeoutMs = title === 'it says nothing' ? 3000 : 20_000
    const seen = await web.look(expected, { addresses: ['127.8.0.1', '127.8.0.2'], timeoutMs })

    t.match(seen.against, text, title)
    t.match(seen.against, /^A 127\.8\.0\.2 /, title)
    t.same(seen.passedOver, [], title)
  }
})

t.test('where no address gives the answer, it is the web server that is to be mended', async (t) => {
  const web = await startChallengeWeb(t, { '127.8.0.1': says(403), '::1': says(404) })

  t.match(
    (await web.look(expected)).against,
    /^A 127\.8\.0\.1 answers 403; AAAA ::1 answers 404\. No address of mail.*policy\.acme\.http/,
  )
})

t.test('an address without a way to it, or in an inner network, is passed over, and said', async (t) => {
  const web = await startChallengeWeb(t, { '127.8.0.1': right, '127.8.0.2': says(404) })
  // No TCP leads to these, on any machine.
  const addresses = ['127.8.0.1', '255.255.255.255', 'ff02::1', '127.8.0.2']

  const seen = await web.look(expected, { addresses, mayAsk: (address) => address !== '127.8.0.2' })

  t.equal(seen.against, null)
  t.match(seen.passedOver.toSorted(), [
    /^A 127\.8\.0\.2 is an address of an inner network/,
    /^A 255\.255\.255\.255 cannot be reached from here \(E[A-Z]+\)/,
    /^AAAA ff02::1 cannot be reached from here \(E[A-Z]+\)/,
  ])
  t.same(
    web.asked.map(({ at }) => at),
    ['127.8.0.1'],
  )
})

t.test(
  'redirects are followed to port 80 and 443, at the address that redirects where the name is the same',
  async (t) => {
    const secure: RequestListener = (request, response) =>
      request.url === '/x' ? response.end(keyAuthorization) : response.writeHead(404).end()
    const web = await startChallengeWeb(
      t,
      {
        '127.8.0.1': says(301, '', { location: `https://${name}/x` }),
        '127.8.0.2': says(308, '', { location: '//other.example.org/' }),
        '127.8.0.3': right,
      },
      { '127.8.0.1': secure },
    )

    const seen = await web.look(expected, {
      addresses: ['127.8.0.1', '127.8.0.2'],
      others: { 'other.example.org': '127.8.0.3' },
    })

    t.same(seen, { against: null, passedOver: [] })
    t.same(web.asked.map(({ at, url }) => `${at} ${url?.slice(0, 3)}`).toSorted(), [
      '127.8.0.1 /.w',
      '127.8.0.1 /x',
      '127.8.0.2 /.w',
      '127.8.0.3 /',
    ])
  },
)

t.test('a redirect that no CA follows is a wrong answer', async (t) => {
  const wrong: readonly (readonly [RequestListener, RegExp])[] = [
    [
      says(302, '', { location: `http://${name}:8080/` }),
      /redirects to http:\/\/mail\.example\.org:8080, which is neither port/,
    ],
    [says(302, '', { location: 'ftp://mail.example.org/' }), /neither port 80 nor 443/],
    [says(303, '', { location: '/' }), /answers 303/],
    [says(302), /answers 302/],
    [says(302, '', { location: `http://${name}/again` }), /redirects more than 10 times/],
    [
      says(302, '', { location: `https://${name}/` }),
      /redirects to https:\/\/mail\.example\.org, which refuses the connection at port 443/,
    ],
  ]
  for (const [handler, text] of wrong) {
    const web = await startChallengeWeb(t, { '127.8.0.1': handler })
    t.match((await web.look(expected)).against, text, String(text))
    t.ok(web.asked.length <= 11)
  }
})

t.test('a redirect leads to no address that may not be asked, by name or by address', async (t) => {
  for (const location of ['http://inner.example.org/', 'http://127.8.0.2/', 'http://2130706433/']) {
    const web = await startChallengeWeb(t, {
      '127.8.0.1': says(302, '', { location }),
      '127.8.0.2': right,
      '127.0.0.1': right,
    })

    const seen = await web.look(expected, {
      addresses: ['127.8.0.1'],
      others: { 'inner.example.org': '127.8.0.2' },
      mayAsk: (address) => address === '127.8.0.1',
    })

    t.match(seen, { against: null, passedOver: [/which has no address that may be asked from here/] }, location)
    t.same(
      web.asked.map(({ at }) => at),
      ['127.8.0.1'],
      location,
    )
  }
})

t.test('a name without any address is not shown to a CA; a DNS that does not answer holds nothing back', async (t) => {
  const web = await startChallengeWeb(t, { '127.8.0.1': right })

  t.match((await web.look(expected, { addresses: [] })).against, /has neither an A nor an AAAA record: publish one/)
  t.match(await web.look(expected, { addresses: ['127.8.0.1'], failing: ['AAAA'] }), {
    against: null,
    passedOver: [/the AAAA records of mail\.example\.org cannot be looked up \(ESERVFAIL\)/],
  })
  t.match(await web.look(expected, { failing: ['A', 'AAAA'] }), {
    against: null,
    passedOver: [/the A records/, /the AAAA records/],
  })
})

t.test('of many addresses eight of each kind are asked, and the rest is said', async (t) => {
  const web = await startChallengeWeb(t, { '::1': right, '127.8.0.1': right })
  const many = Array.from({ length: 30 }, (_, index) => `127.9.0.${index + 1}`)

  const seen = await web.look(expected, { addresses: [...many, '::1'] })

  t.match(seen.against, /^A 127\.9\.0\.1 refuses.*\(and 5 more\)/)
  t.same(seen.passedOver, ['of 30 A records the first 8 were looked at'])
})

function endless(response: Parameters<RequestListener>[1]): void {
  const more = (): void => {
    while (response.write('x'.repeat(65_536)));
    response.once('drain', more)
  }
  more()
}
