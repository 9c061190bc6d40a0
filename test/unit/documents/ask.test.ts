import t from 'tap'
import { type Ask, LineRefused, lineOf, readAnswer, readAsk } from '../../../src/documents/ask.ts'

const digest = 'a'.repeat(64)
const asks: readonly Ask[] = [
  {
    ask: 'take',
    jobs: [
      { kind: 'issuance', id: 'job-1', certificateId: 'c', commonName: 'mail.example.net', sans: [] },
      { kind: 'unsupported', id: 'job-2', certificateId: 'c', type: 'Dance', reason: 'status Pending' },
    ],
  },
  { ask: 'certificate', certificateId: 'c', pem: '-----BEGIN' },
  { ask: 'withheld', certificateId: 'c', error: { code: 'CONTROL_PLANE_REFUSED', details: { status: 404 } } },
  { ask: 'work' },
  { ask: 'answers', seen: null, after: null, waitMs: 0 },
  {
    ask: 'delivered',
    reports: [{ id: 'job-1/status', digest, fate: 'taken', refusal: null }],
    requests: [{ jobId: 'job-1', error: null }],
  },
  { ask: 'inspect' },
  { ask: 'cancel', jobIds: ['job-1'] },
  { ask: 'unbegun' },
  { ask: 'introduce' },
  { ask: 'keep', membership: { trust: null, credential: null } },
  {
    ask: 'keep',
    membership: {
      trust: { basis: digest, ca: '-----BEGIN' },
      credential: { basis: digest, since: 5, secrets: ['new', 'old'] },
    },
  },
]

t.test('every ask survives its line', async (t) => {
  for (const ask of asks) t.same(readAsk(lineOf(ask)), ask, ask.ask)
})

t.test('a line that is no ask is refused in few words', async (t) => {
  const lines = [
    '',
    'null',
    '[]',
    '{"v":3}',
    '{"v":3,"document":null}',
    '{"v":3,"document":{"ask":"__proto__"}}',
    '{"v":3,"document":{"ask":"constructor"}}',
    '{"v":3,"document":{"ask":"run","command":"id"}}',
    '{"v":3,"document":{"ask":"work","also":1}}',
    '{"v":3,"document":{"ask":"take","jobs":[{}]}}',
    '{"v":3,"document":{"ask":"delivered","reports":[{"id":"x"}],"requests":[]}}',
  ]
  for (const line of lines) t.ok(caught(() => readAsk(line)) instanceof LineRefused, line)
})

t.test('a job is taken with the fields of its kind alone, each of them bounded', async (t) => {
  const ids = { id: 'job-1', certificateId: 'c' }
  const target = { targetId: 't', targetName: 'mail', deadline: 5 }
  const order = { document: 'AAAA', signature: `${'A'.repeat(86)}==`, key: digest, issuers: '-----BEGIN' }
  const sound: readonly Record<string, unknown>[] = [
    { ...ids, ...target, kind: 'deployment', instance: 'out', targetType: 'Postfix', targetConfig: { any: [1] } },
    { ...ids, ...target, kind: 'validation' },
    { ...ids, ...target, kind: 'take-back', leaf: digest, generation: 1 },
    { ...ids, kind: 'issuance', commonName: 'mail.example.net', sans: ['mail.example.net'], order },
    { ...ids, kind: 'unsupported', type: 'Dance', reason: 'status Pending', code: 'JOB_MALFORMED' },
  ]
  const isTaken = (job: object): boolean =>
    caught(() => readAsk(lineOf({ ask: 'take', jobs: [job as never] }))) === null

  for (const job of sound) {
    t.ok(isTaken(job), String(job['kind']))
    t.notOk(isTaken({ ...job, also: 1 }), `${job['kind']} with another field`)
    for (const [field, value] of Object.entries(job).filter(([, known]) => typeof known === 'string'))
      for (const wrong of ['x'.repeat(5000), `${value}\u0000`, 7, null]) {
        // A name in a certificate, and a type, are refused by what reads them.
        if (wrong === `${value}\u0000` && ['commonName', 'targetType'].includes(field)) continue
        t.notOk(isTaken({ ...job, [field]: wrong }), `${job['kind']} with ${field} ${JSON.stringify(wrong)}`)
      }
  }
  for (const wrong of [
    { ...order, also: 1 },
    { ...order, document: 'A'.repeat(30_000) },
    { ...order, signature: 'A'.repeat(88) },
    { ...order, issuers: 'x'.repeat(9000) },
    [order],
    'AAAA',
    null,
  ])
    t.notOk(isTaken({ ...sound[3], order: wrong }), JSON.stringify(wrong).slice(0, 100))
  t.notOk(isTaken({ ...sound[1], order }), 'a validation has none')
  t.notOk(isTaken({ ...sound[3], sans: Array.from({ length: 1001 }, () => 'a') }))
})

t.test('a half of another version is told from one that errs', async (t) => {
  const other = lineOf({ ask: 'work' }).replace('"v":3', '"v":2')

  t.match(
    caught(() => readAsk(other)),
    { isOther: true },
  )
  t.match(
    caught(() => readAsk('{')),
    { isOther: false },
  )
})

t.test('an answer is read by the word that was asked', async (t) => {
  t.same(readAnswer('take', lineOf({ fresh: 1, full: null })), { fresh: 1, full: null })
  t.same(readAnswer('work', lineOf({ error: { code: 'SPOOL_FULL', details: {} } })), {
    error: { code: 'SPOOL_FULL', details: {} },
  })
  t.ok(caught(() => readAnswer('take', lineOf({}))) instanceof LineRefused)
})

function caught(work: () => unknown): unknown {
  try {
    work()
    return null
  } catch (error) {
    return error
  }
}
