import t from 'tap'
import { makeAuthority } from '../../support/certificates.ts'
import { addTarget, openTestControlPlane } from '../../support/control-plane.ts'

const authority = await makeAuthority()
const now = Date.parse('2026-11-01T00:00:00Z')
const dayMs = 86_400_000
const [notBefore, notAfter] = [new Date(now - 30 * dayMs), new Date(now + 60 * dayMs)]
const pair = await authority.issue({ names: ['mail.example.net'], notBefore, notAfter })

/** As the other agent sends it, which knows nothing of ours. */
const entry = {
  fingerprint_sha256: pair.sha256,
  common_name: 'mail.example.net',
  sans: ['mail.example.net'],
  serial_number: '01',
  issuer_dn: 'CN=Waxseal test CA',
  subject_dn: 'CN=mail.example.net',
  not_before: notBefore.toISOString(),
  not_after: notAfter.toISOString(),
  key_algorithm: 'ECDSA',
  key_size: 256,
  is_ca: false,
  pem_data: pair.certificatePem,
  source_path: '/etc/ssl/mail.pem',
  source_format: 'PEM',
}
const report = { agent_id: '', directories: ['/etc/ssl'], certificates: [entry], errors: [], scan_duration_ms: 3 }

t.test('what an agent finds is listed, and one is bound to a target by the beginning of its fingerprint', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const targetId = await addTarget(plane, agent)

  t.match(await agent.post('/discoveries', report), { status: 202, body: { status: 'accepted' } })

  const { rows, next } = await plane.operator.part('discovered', { agent: 'mail-1', status: 'new' })
  t.match(rows, [
    {
      fingerprint: pair.sha256,
      status: 'new',
      agent_id: agent.id,
      agent_name: 'mail-1',
      path: '/etc/ssl/mail.pem',
      sans: ['mail.example.net'],
      not_after: notAfter.toISOString(),
      first_seen: '2026-11-01T00:00:00.000Z',
      gone_at: null,
      certificate_id: null,
    },
  ])
  t.equal(next, null)
  const bound = await plane.operator.bind(pair.sha256.slice(0, 16).toUpperCase(), { target_id: 'postfix' })
  t.match(bound, { job_id: null, next_renewal_at: /^2026-1[12]-/ })
  t.match(await plane.operator.part('discovered', {}), {
    rows: [{ status: 'bound', certificate_id: bound.certificate_id }],
  })
  t.match(await plane.operator.certificates(), [
    { id: bound.certificate_id, next_renewal_at: bound.next_renewal_at, version: null, targets: [{ name: 'postfix' }] },
  ])
  t.same(await agent.work(), [], 'nothing is done before it is due')
  t.ok(targetId)
})

t.test('bound for now the agent is asked for a CSR with the names, and what is signed is deployed', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await addTarget(plane, agent)
  await agent.post('/discoveries', report)

  const { certificate_id: id } = await plane.operator.bind(pair.sha256, { target_id: 'postfix', now: true })

  t.match(await agent.work(), [{ status: 'AwaitingCSR', certificate_id: id, common_name: 'mail.example.net' }])
  t.equal((await agent.sendCsr(id)).status, 202)
  t.match(await agent.work(), [{ type: 'Deployment', certificate_id: id, target_name: 'postfix' }])
})

t.test('what cannot be read hides nothing that can, and what is not of its form is refused', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const odd = [
    null,
    7,
    [],
    {},
    { pem_data: 'x' },
    { ...entry, pem_data: 'x'.repeat(100_000) },
    { ...entry, source_path: 5 },
  ]

  t.equal((await agent.post('/discoveries', { ...report, certificates: [...odd, entry] })).status, 202)
  const { rows } = await plane.operator.part('discovered', {})
  t.same(
    rows.map(({ path }) => String(path)).toSorted((one, other) => one.length - other.length),
    ['', '/etc/ssl/mail.pem'],
  )
  for (const gone of [{}, [7], [{ fingerprint_sha256: 'x' }]])
    t.equal((await agent.post('/discoveries', { ...report, gone })).status, 400)
  t.equal((await agent.post('/discoveries', { ...report, certificates: [] })).status, 500, 'as protocol §1 has it')
  t.equal((await agent.post('/discoveries', { ...report, certificates: null, errors: ['x'] })).status, 202)
})

t.test('one agent says nothing of the host of another', async (t) => {
  const plane = await openTestControlPlane(t)
  const [one, other] = [await plane.enroll('mail-1'), await plane.enroll('mail-2')]
  await one.post('/discoveries', report)
  const gone = [{ fingerprint_sha256: pair.sha256, source_path: '/etc/ssl/mail.pem' }]

  await other.post('/discoveries', { ...report, agent_id: one.id, certificates: [], errors: [], gone })

  t.match(await plane.operator.part('discovered', {}), { rows: [{ agent_id: one.id, gone_at: null }] })
})

t.test('a reader lists, and does not bind', async (t) => {
  const plane = await openTestControlPlane(t)
  const token = await plane.operator.addOperator('eve', 'reader')

  t.equal((await plane.ask('GET', '/operator/v1/discovered', token)).status, 200)
  t.equal(
    (await plane.ask('POST', `/operator/v1/discovered/${pair.sha256}/bind`, token, { target_id: 'x' })).status,
    403,
  )
  for (const query of ['status=x', 'after=x', 'cas=1', 'other=1'])
    t.equal((await plane.ask('GET', `/operator/v1/discovered?${query}`, token)).status, 400, query)
  t.equal(
    (await plane.ask('POST', '/operator/v1/discovered/xyz/bind', plane.operatorToken, { target_id: 'x' })).status,
    400,
  )
})
