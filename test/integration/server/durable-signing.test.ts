import t from 'tap'
import { openAuthority } from '../../../src/server/authority/authority.ts'
import { submitCsr } from '../../../src/server/operation/certificate/submit-csr.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { addTarget, openTestControlPlane } from '../../support/control-plane.ts'
import { newCsr } from '../../support/csr.ts'
import { signerThatEnds } from '../../support/store-site.ts'

t.test('a CSR that was accepted before a restart is signed after it, once, and deployed', async (t) => {
  const before = await openTestControlPlane(t)
  const known = await before.enroll()
  await known.post('/heartbeat', { features: ['csr_accepted'] })
  const targetId = await addTarget(before, known)
  const wanted = { agent_id: known.id, common_name: 'mail.example.net', deploy_to: [targetId] }
  const { certificate_id: certificateId, job_id } = await before.operator.requestCertificate(wanted)
  await before.close()
  await acceptAndEnd(before.dataDir, known.id, certificateId)

  const twoMinutesLater = Date.parse('2026-11-01T00:02:00Z')
  const after = await openTestControlPlane(t, { dataDir: before.dataDir, now: () => twoMinutesLater })
  const agent = after.agent(known)
  let jobs = await agent.work()
  while (jobs.length === 0) jobs = await agent.work()

  t.match(jobs, [{ type: 'Deployment', certificate_id: certificateId }])
  t.equal((await after.operator.job(job_id)).status, 'Completed')
  t.equal((await agent.get(`/certificates/${certificateId}`)).status, 200)
  t.same(await agent.work(), [])
})

t.test('a CSR that comes again after a renewal with another key makes no other version', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net' }
  const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
  const first = { certificate_id: certificateId, csr_pem: await newCsr() }
  const newest = async (): Promise<unknown> => (await agent.get(`/certificates/${certificateId}`)).body
  await agent.post('/csr', first)
  await plane.operator.renew(certificateId)
  await agent.sendCsr(certificateId)
  const renewed = await newest()

  t.match(await agent.post('/csr', first), { status: 202, body: { status: 'csr_signed' } })

  t.same(await newest(), renewed)
})

t.test('a CSR that says its job is the answer to that job alone, however late it comes', async (t) => {
  let now = Date.parse('2026-11-01T00:00:00Z')
  const plane = await openTestControlPlane(t, { now: () => now })
  const agent = await plane.enroll()
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net' }
  const { certificate_id: certificateId, job_id: first } = await plane.operator.requestCertificate(wanted)
  const csr = { certificate_id: certificateId, csr_pem: await newCsr() }
  const newest = async (): Promise<unknown> => (await agent.get(`/certificates/${certificateId}`)).body
  await agent.post('/csr', { ...csr, job_id: first })
  const before = await newest()
  const { job_id: second } = await plane.operator.renew(certificateId)
  now += 24 * 3_600_000

  t.match(await agent.post('/csr', { ...csr, job_id: first }), { status: 202, body: { status: 'csr_signed' } })
  t.match(await agent.work(), [{ id: second, status: 'AwaitingCSR' }], 'it is still asked for')
  t.same(await newest(), before)

  t.match(await agent.post('/csr', { ...csr, job_id: second }), { status: 202 }, 'an agent that keeps its key')
  t.not((await plane.operator.job(second)).status, 'AwaitingCSR')
  t.strictNotSame(await newest(), before)
  t.equal((await agent.post('/csr', { ...csr, job_id: '' })).status, 400)
})

/** What a control plane does that ends right after its answer. */
async function acceptAndEnd(dataDir: string, agentId: string, certificateId: string): Promise<void> {
  const store = await openStore({ dataDir, now: () => Date.parse('2026-11-01T00:00:30Z') })
  const { check } = await openAuthority(dataDir)
  const agent = await store.agents.named(agentId)
  if (agent === null) throw new Error('there is no agent')
  const csrPem = await newCsr()
  const signer = signerThatEnds(check)
  t.equal(await submitCsr({ store, signer }, agent, { certificateId, csrPem }), 'accepted')
  await store.close()
}
