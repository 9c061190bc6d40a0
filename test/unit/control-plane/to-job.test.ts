import t from 'tap'
import { toJob } from '../../../src/control-plane/to-job.ts'

const deployment = {
  id: 'job-1',
  type: 'Deployment',
  certificate_id: 'mc-mail',
  target_id: 't-postfix',
  target_type: 'Postfix',
  target_config: { cert_path: '/etc/postfix/certs/cert.pem' },
  status: 'Running',
}
const { target_id: _, ...withoutTargetId } = deployment
const issuance = {
  id: 'job-2',
  type: 'Issuance',
  certificate_id: 'mc-mail',
  common_name: 'mail.example.net',
  sans: ['mail.example.net', 'postmaster@example.net', '192.0.2.1'],
  status: 'AwaitingCSR',
}

t.test('a deployment keeps its target as it came', async (t) => {
  t.strictSame(toJob(deployment), {
    kind: 'deployment',
    id: 'job-1',
    certificateId: 'mc-mail',
    targetId: 't-postfix',
    targetType: 'Postfix',
    targetConfig: { cert_path: '/etc/postfix/certs/cert.pem' },
  })
})

t.test('a deadline is read of a job that was leased, where it is a time', async (t) => {
  const at = '2026-11-01T02:00:00.5Z'
  const read = (deadline: unknown, lease_s: unknown = 300): unknown => toJob({ ...deployment, deadline, lease_s })

  t.match(read(at), { kind: 'deployment', deadline: Date.parse(at) })
  t.match(toJob({ ...deployment, type: 'Validation', deadline: at, lease_s: 300 }), { deadline: Date.parse(at) })
  t.notOk('deadline' in (read(at, null) as object))
  for (const none of [null, 7, {}, 'tomorrow', '2026-13-41T02:00:00Z', '0000-01-01T00:00:00Z', `${at} `])
    t.notOk('deadline' in (read(none) as object), JSON.stringify(none))
})

t.test(
  'an order comes with each job that changes something, as it was signed, and what has not its form is left out',
  async (t) => {
    const order = { document: 'AAAA', signature: `${'A'.repeat(86)}==`, key: 'a'.repeat(64) }
    const takeBack = { ...deployment, type: 'TakeBack', generation: 1 }
    const read = (one: unknown, item: object = deployment): unknown =>
      (toJob({ ...item, order: one }) as { order?: unknown }).order

    for (const item of [deployment, issuance, takeBack]) {
      t.same(read(order, item), order)
      t.same(read({ ...order, also: 1, issuers: '-----BEGIN' }, item), { ...order, issuers: '-----BEGIN' })
      t.same(read({ ...order, issuers: 'x'.repeat(9000) }, item), order, 'too much of what nobody has signed')
    }
    t.equal(read(order, { ...deployment, type: 'Validation' }), undefined)
    for (const none of [
      null,
      3,
      'AAAA',
      [],
      {},
      [order],
      { ...order, key: 'x' },
      { ...order, document: 'A'.repeat(30_000) },
    ])
      t.equal(read(none), undefined, JSON.stringify(none)?.slice(0, 60))
  },
)

t.test('a target keeps the name that its operator gives it, spaces around it aside', async (t) => {
  t.match(toJob({ ...deployment, target_name: ' mail-postfix ' }), { kind: 'deployment', targetName: 'mail-postfix' })
  t.match(toJob({ ...deployment, target_name: 'Pöst <b>' }), { targetName: 'Pöst <b>' })
  t.match(toJob({ ...deployment, type: 'Validation', target_name: 'mail' }), { kind: 'validation', targetName: 'mail' })
  for (const none of [null, '', '  ']) t.notOk('targetName' in toJob({ ...deployment, target_name: none }))
})

t.test('a name that is too long, or would move a cursor or turn a line around, makes the job malformed', async (t) => {
  for (const name of ['a\u{1b}[2J', 'a\nb', 'a\u{202e}b', 'a\u{2028}b', 'x'.repeat(129), 7])
    t.match(toJob({ ...deployment, target_name: name }), { id: 'job-1', reason: /^\/target_name / })
})

t.test('a redacted target is passed on as it came, for the planner to refuse by field', async (t) => {
  const job = toJob({ ...deployment, target_config: { key_path: '********' } })

  t.match(job, { kind: 'deployment', targetConfig: { key_path: '********' } })
})

t.test('a deployment without a target id goes by the id of its job', async (t) => {
  t.match(toJob(withoutTargetId), { kind: 'deployment', targetId: 'job-1' })
  t.match(toJob({ ...deployment, target_id: null }), { kind: 'deployment', targetId: 'job-1' })
  t.match(toJob({ ...deployment, target_id: '' }), { kind: 'deployment', targetId: 'job-1' })
})

t.test('a deployment without a target configuration has an empty one', async (t) => {
  t.strictSame(toJob({ ...deployment, target_config: null }), { ...(toJob(deployment) as object), targetConfig: {} })
})

t.test('a deployment that names no target type is malformed', async (t) => {
  const reason = 'target_type is missing'

  t.strictSame(toJob({ ...deployment, target_type: undefined }), { id: 'job-1', reason })
  t.strictSame(toJob({ ...deployment, target_type: null }), { id: 'job-1', reason })
  t.strictSame(toJob({ ...deployment, target_type: '' }), { id: 'job-1', reason })
})

t.test('a job that awaits a request carries the names to ask for', async (t) => {
  t.strictSame(toJob(issuance), {
    kind: 'issuance',
    id: 'job-2',
    certificateId: 'mc-mail',
    commonName: 'mail.example.net',
    sans: ['mail.example.net', 'postmaster@example.net', '192.0.2.1'],
  })
})

t.test('a renewal that awaits a request is one too, without names as well', async (t) => {
  const renewal = { id: 'job-3', type: 'Renewal', certificate_id: 'mc-mail', sans: null, status: 'AwaitingCSR' }

  t.strictSame(toJob(renewal), { kind: 'issuance', id: 'job-3', certificateId: 'mc-mail', commonName: '', sans: [] })
})

t.test('a job that awaits a request says which key it is to have', async (t) => {
  const [current, kept] = ['a'.repeat(64), 'b'.repeat(64)]
  const wish = { key: 'reuse', key_type: 'rsa3072', next_key: true, current_spki_sha256: current, keep_spki: [kept] }

  t.match(toJob({ ...issuance, ...wish }), {
    kind: 'issuance',
    key: 'reuse',
    keyType: 'rsa3072',
    nextKey: true,
    currentSpki: current,
    keepSpki: [kept],
  })
})

t.test('what cannot be read of the key is left out, and without our word for it all is', async (t) => {
  const odd = { key_type: 7, next_key: 'yes', current_spki_sha256: '../x', keep_spki: ['x', 7, null] }

  t.strictSame(toJob({ ...issuance, ...odd, key: 'rotate' }), { ...(toJob(issuance) as object), key: 'rotate' })
  for (const key of [undefined, null, 'hsm', 7, { key_type: 'p256' }])
    t.strictSame(toJob({ ...issuance, key, key_type: 'RSA', next_key: true }), toJob(issuance))
  const many = Array.from({ length: 1000 }, () => 'c'.repeat(64))
  t.match(toJob({ ...issuance, key: 'rotate', keep_spki: many }), { keepSpki: { length: 100 } })
})

t.test('a kind of key that this agent does not make is answered as unsupported', async (t) => {
  t.match(toJob({ ...issuance, key: 'rotate', key_type: 'mldsa65' }), {
    kind: 'unsupported',
    reason: /"mldsa65".*p256/,
  })
})

t.test('a job of an unknown type or state is unsupported, never dropped', async (t) => {
  const base = { kind: 'unsupported', id: 'job-2', certificateId: 'mc-mail' }

  t.strictSame(toJob({ ...issuance, status: 'Pending' }), { ...base, type: 'Issuance', reason: 'status Pending' })
  t.strictSame(toJob({ ...issuance, type: 'Teleport', status: 'Beamed' }), {
    ...base,
    type: 'Teleport',
    reason: 'status Beamed',
  })
  t.strictSame(toJob({ ...issuance, type: 'Validation', status: undefined }), {
    ...base,
    type: 'Validation',
    reason: 'status unknown',
  })
})

t.test('fields that this agent does not know change nothing', async (t) => {
  const later = { ...deployment, attempt: 2, lease_expires_at: null, nested: { deep: [1] } }

  t.strictSame(toJob(later), toJob(deployment))
})

t.test('an item with an id and a wrong field is malformed and names the field', async (t) => {
  const reasonOf = (wrong: object): unknown => toJob({ ...deployment, ...wrong })

  t.match(reasonOf({ certificate_id: undefined }), { id: 'job-1', reason: /'certificate_id'/ })
  t.match(reasonOf({ certificate_id: '' }), { id: 'job-1', reason: /^\/certificate_id / })
  t.match(reasonOf({ type: 7 }), { id: 'job-1', reason: /^\/type must be string/ })
  t.match(reasonOf({ target_config: 'x' }), { id: 'job-1', reason: /^\/target_config / })
  t.match(reasonOf({ target_config: [] }), { id: 'job-1', reason: /^\/target_config / })
  t.match(reasonOf({ sans: ['a', 1] }), { id: 'job-1', reason: /^\/sans\/1 / })
  t.match(reasonOf({ sans: Array.from({ length: 101 }, () => 'a') }), { id: 'job-1', reason: /^\/sans / })
})

t.test('an item without a usable id has nobody to answer to', async (t) => {
  const ids = [undefined, null, '', 7, { toString: 'x' }, 'x'.repeat(257)]

  const items = [...ids.map((id) => ({ ...deployment, id })), null, 7, 'job', [], [deployment]]

  for (const item of items) t.match(toJob(item), { id: null, reason: String })
})

// encodeURIComponent leaves `..` as it is and a URL resolves it away: a report of the job `..` would go to another path.
// For half a surrogate pair it throws a URIError, which is no coded error.
t.test('an id that cannot stand in a URL is malformed', async (t) => {
  for (const id of ['.', '..', 'a\ud800', 'a\r\nb: c', 'a\0']) {
    t.strictSame(toJob({ ...deployment, id }), { id: null, reason: '/id cannot stand in a URL' })
    t.strictSame(toJob({ ...deployment, certificate_id: id }), {
      id: 'job-1',
      reason: '/certificate_id cannot stand in a URL',
    })
  }
})

t.test('what the deployer would refuse of a job is malformed here, and holds up no other', async (t) => {
  for (const wrong of [
    { target_id: 'a\u001b[2J' },
    { target_id: 'a\ud800' },
    { type: 'Dance\n', target_id: 't' },
    { type: 'Dance', status: '\u009b2J' },
    { instance: 'a\tb' },
  ])
    t.match(toJob({ ...deployment, ...wrong }), {
      id: 'job-1',
      reason: / has to be one line, without control characters$/,
    })
  t.match(toJob({ ...deployment, type: 'Dance', status: 'x'.repeat(1024) }), { kind: 'unsupported' })
})

t.test('an id that only looks like a path is a job', async (t) => {
  for (const id of ['../../etc/passwd', '...', 'a/b', '%2e%2e', 'ü 🦭', 'x'.repeat(256)])
    t.match(toJob({ ...deployment, id }), { kind: 'deployment', id })
})

t.test('a job that takes a pair back names it, by its leaf or its number', async (t) => {
  const leaf = 'ab'.repeat(32)
  const takeBack = { ...withoutTargetId, type: 'TakeBack', target_id: 't-postfix', target_name: 'mail-postfix' }
  const base = {
    kind: 'take-back',
    id: 'job-1',
    certificateId: 'mc-mail',
    targetId: 't-postfix',
    targetName: 'mail-postfix',
  }

  t.strictSame(toJob({ ...takeBack, expected_fingerprint: leaf.toUpperCase() }), { ...base, leaf })
  t.strictSame(toJob({ ...takeBack, generation: 3 }), { ...base, generation: 3 })
  t.strictSame(toJob({ ...takeBack, generation: 3, expected_fingerprint: leaf }), { ...base, leaf, generation: 3 })
  for (const none of [
    {},
    { generation: 0 },
    { generation: 1.5 },
    { generation: '1' },
    { expected_fingerprint: '' },
    { expected_fingerprint: `${leaf}0`, generation: 1 },
    { expected_fingerprint: '../x' },
    { generation: 1, target_id: '' },
    { generation: 1, target_id: null },
  ])
    t.match(
      toJob({ ...takeBack, ...none }),
      { kind: 'unsupported', id: 'job-1', code: 'JOB_MALFORMED' },
      JSON.stringify(none),
    )
})

t.test('what other jobs have in the fields of such a job is theirs', async (t) => {
  t.strictSame(toJob({ ...deployment, generation: 'blue', expected_fingerprint: 7 }), toJob(deployment))
})
