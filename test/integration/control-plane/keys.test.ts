import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { createCertificateRequest } from '../../../src/material/certificate-request.ts'
import { kindOfKey, makeKey } from '../../../src/material/make-key.ts'
import { parsePrivateKey } from '../../../src/material/parse-key.ts'
import type { KeyKind } from '../../../src/plan/key-kind.ts'
import { openTestControlPlane, type TestAgent, type TestControlPlane } from '../../support/control-plane.ts'

const features = ['lease', 'key', 'keys']
const next = 'a'.repeat(64)

t.test('a CSR is asked for with all that is known of its key, and what is made ahead is on the list', async (t) => {
  const { plane, agent, request, csrJob } = await open(t)
  const id = await request({ key_policy: 'reuse', key_type: 'p384' })
  t.match(await csrJob(), { key: 'reuse', key_type: 'p384', next_key: true })
  t.notOk('current_spki_sha256' in (await csrJob()))

  const { spki } = await send(agent, id, 'p384', { next_spki_sha256: next })
  await plane.operator.renew(id)

  t.match(await csrJob(), { key: 'reuse', key_type: 'p384', next_key: true, current_spki_sha256: spki })
  t.match(await plane.operator.certificates(), [
    { key_policy: 'reuse', key_type: 'p384', spki_sha256: spki, next_spki_sha256: next },
  ])
})

t.test('an agent that does not know of keys is asked as ever, and is refused what it cannot do', async (t) => {
  const { plane, agent, request, csrJob } = await open(t, ['lease'])
  await request({})

  const job = await csrJob()
  t.equal(job['key'], 'rotate')
  for (const field of ['key_type', 'next_key', 'current_spki_sha256', 'keep_spki']) t.notOk(field in job, field)
  await t.rejects(plane.operator.changePolicy('mail.example.net', { key_type: 'rsa2048' }), {
    code: 'CONTROL_PLANE_REFUSED',
    details: { status: 409, answer: /mail-1 makes keys of P-256.*upgrade it/ },
  })
  await plane.operator.changePolicy('mail.example.net', { key_type: null })
  await agent.post('/heartbeat', { features })
  await plane.operator.changePolicy('mail.example.net', { key_type: 'rsa2048' })
  t.match(await csrJob(), { key_type: 'rsa2048' })
})

t.test('the CA signs for a key of each kind', async (t) => {
  const { plane, agent, request } = await open(t)
  for (const kind of ['p256', 'p384', 'rsa2048', 'ed25519'] as const) {
    const name = `${kind}.example.net`
    const id = await request({ common_name: name, key_type: kind })

    t.equal((await send(agent, id, kind, {}, name)).status, 202)
    const { body } = await agent.get(`/certificates/${id}`)
    const leaf = new X509Certificate(String(body['certificate_pem']))
    t.equal(kindOfKey(leaf.publicKey), kind)
    t.ok(leaf.verify(new X509Certificate(plane.caPem).publicKey))
  }
})

t.test('the next key is forgotten when a CSR has it, or none is said any more', async (t) => {
  const { plane, agent, request } = await open(t)
  const id = await request({})
  const key = parsePrivateKey(await makeKey('p256'))
  await send(agent, id, key, { next_spki_sha256: next })
  await plane.operator.renew(id)
  await send(agent, id, 'p256', { next_spki_sha256: key.spkiSha256 })
  const { job_id } = await plane.operator.renew(id)

  const csr = await createCertificateRequest({ commonName: 'mail.example.net', sans: [], keyPem: key.keyPem })
  const body = { certificate_id: id, job_id, csr_pem: csr, next_spki_sha256: key.spkiSha256 }
  t.equal((await agent.post('/csr', body)).status, 202)

  t.match(await plane.operator.certificates(), [{ spki_sha256: key.spkiSha256, next_spki_sha256: null }])
  t.equal((await agent.post('/csr', { ...body, next_spki_sha256: '../x' })).status, 400)
})

t.test('a key that was revoked is not asked for again', async (t) => {
  const { plane, agent, request, csrJob } = await open(t)
  const id = await request({ key_policy: 'reuse' })
  await send(agent, id, 'p256', {})

  await plane.operator.revoke(id)

  t.match(await csrJob(), { key: 'rotate' })
})

async function open(t: Parameters<typeof openTestControlPlane>[0], known = features) {
  const plane: TestControlPlane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await agent.post('/heartbeat', { features: known })
  const csrJob = async (): Promise<Readonly<Record<string, unknown>>> =>
    (await agent.work()).find(({ status }) => status === 'AwaitingCSR') ?? {}
  const request = async (policy: object): Promise<string> => {
    const wanted = { agent_id: agent.id, common_name: 'mail.example.net', ...policy }
    return (await plane.operator.requestCertificate(wanted)).certificate_id
  }
  return { plane, agent, csrJob, request }
}

async function send(
  agent: TestAgent,
  id: string,
  of: KeyKind | ReturnType<typeof parsePrivateKey>,
  said: object,
  commonName = 'mail.example.net',
) {
  const key = typeof of === 'string' ? parsePrivateKey(await makeKey(of)) : of
  const csr = await createCertificateRequest({ commonName, sans: [], keyPem: key.keyPem })
  const { status } = await agent.post('/csr', { certificate_id: id, csr_pem: csr, ...said })
  return { spki: key.spkiSha256, status }
}
