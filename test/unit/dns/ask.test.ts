import { decode, encode, TRUNCATED_RESPONSE } from 'dns-packet'
import t from 'tap'
import { askDns } from '../../../src/dns/ask.ts'
import { answering, startAnswering } from '../../support/answering-server.ts'

const question = { name: 'mx.example.org', type: 'A' } as const
const here = { type: 'A', name: 'mx.example.org', class: 'IN', ttl: 60, data: '192.0.2.1' } as const
const options = { isRecursive: false, timeoutMs: 2000 }

t.test('an answer has its records, and says whether the server is authoritative', async (t) => {
  const server = await startAnswering(t, () => answering(here))

  const answer = await askDns(question, [server], options)

  t.match(answer, {
    rcode: 'NOERROR',
    isAuthoritative: true,
    isAuthentic: false,
    answers: [{ ...here, class: undefined }],
  })
})

t.test('a name that does not exist is an answer, a failure of the server is none', async (t) => {
  for (const [code, expected] of [
    [3, { rcode: 'NXDOMAIN' }],
    [2, { failed: 'ESERVFAIL' }],
    [5, { failed: 'EREFUSED' }],
  ] as const) {
    const server = await startAnswering(t, () => ({ flags: code }))

    t.match(await askDns(question, [server], options), expected)
  }
})

t.test('an answer that was cut is asked for by TCP', async (t) => {
  const server = await startAnswering(t, ({ by }) =>
    by === 'udp' ? { flags: TRUNCATED_RESPONSE, answers: [] } : answering(here, { ...here, data: '192.0.2.2' }),
  )

  const answer = await askDns(question, [server], options)

  t.equal('answers' in answer && answer.answers.length, 2)
  t.same(
    server.heard.map(({ by }) => by),
    ['udp', 'tcp'],
  )
})

t.test('an answer that is cut by TCP, too, is never used', async (t) => {
  const server = await startAnswering(t, () => ({ flags: TRUNCATED_RESPONSE, answers: [here] }))

  t.same(await askDns(question, [server], options), { failed: 'EBADRESP' })
})

t.test('a datagram with another id or another question is passed over', async (t) => {
  const server = await startAnswering(t, ({ bytes }) => {
    const { id = 0 } = decode(bytes)
    const questions = [question]
    const evil = { ...here, data: '203.0.113.66' }
    return [
      encode({ type: 'response', id: id ^ 1, questions, answers: [evil] }),
      encode({ type: 'response', id, questions: [{ ...question, name: 'mx.example.net' }], answers: [evil] }),
      encode({ type: 'query', id, questions, answers: [evil] }),
      answering(here),
    ]
  })

  t.match(await askDns(question, [server], options), { answers: [{ data: '192.0.2.1' }] })
})

t.test('a server that somebody guesses for is asked by TCP', async (t) => {
  const server = await startAnswering(t, ({ bytes, by }) => {
    const { id = 0 } = decode(bytes)
    if (by === 'tcp') return answering(here)
    return Array.from({ length: 100 }, (_, index) =>
      encode({ type: 'response', id: id ^ (index + 1), questions: [question] }),
    )
  })

  t.match(await askDns(question, [server], options), { answers: [{ data: '192.0.2.1' }] })
})

t.test('the next server is asked where one does not answer, and the last reason is told', async (t) => {
  const silent = await startAnswering(t, () => null)
  const server = await startAnswering(t, () => answering(here))
  const quick = { ...options, timeoutMs: 100 }

  t.match(await askDns(question, [silent, server], quick), { rcode: 'NOERROR', server: { port: server.port } })
  t.same(await askDns(question, [silent], quick), { failed: 'ETIMEOUT' })
  t.same(await askDns(question, [], quick), { failed: 'ENOSERVER' })
  t.equal(silent.heard.length, 4, 'a datagram that is lost is sent again')
})

t.test('a port that nobody listens on fails at once', async (t) => {
  t.same(await askDns(question, [{ address: '127.0.0.1', port: 1 }], options), { failed: 'ECONNREFUSED' })
})
