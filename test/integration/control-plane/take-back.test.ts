import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { toJob } from '../../../src/control-plane/to-job.ts'
import { addTarget, openTestControlPlane, type TestAgent, type TestControlPlane } from '../../support/control-plane.ts'

t.test('a target goes back to the certificate before the newest, by its leaf, or to one that is named', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const target = await addTarget(plane, agent)
  const [first, second, third] = [
    await deployed(plane, agent, target),
    await deployed(plane, agent, target),
    await deployed(plane, agent, target),
  ]

  await plane.operator.takeBack('postfix')
  await plane.operator.takeBack(target, first.certificateId)
  const items = await agent.work()

  t.match(items, [
    { type: 'TakeBack', target_id: target, certificate_id: second.certificateId, expected_fingerprint: second.leaf },
    { type: 'TakeBack', target_id: target, certificate_id: first.certificateId, expected_fingerprint: first.leaf },
  ])
  t.match(items.map(toJob), [
    { kind: 'take-back', targetId: target, targetName: 'postfix', leaf: second.leaf },
    { kind: 'take-back', leaf: first.leaf },
  ])
  for (const { id } of items) await agent.post(`/jobs/${String(id)}/status`, { status: 'Completed' })
  await plane.operator.takeBack(target)
  t.match(await agent.work(), [{ expected_fingerprint: second.leaf }], 'twice comes to the other one')
  t.not(third.leaf, second.leaf)
})

t.test(
  'a certificate that goes to a target, or comes back, is named by its common name where only one has it',
  async (t) => {
    const plane = await openTestControlPlane(t)
    const agent = await plane.enroll()
    const target = await addTarget(plane, agent)
    const first = await deployed(plane, agent, target)
    const name = 'mail.example.net'
    await plane.operator.deploy(name, target)
    await plane.operator.takeBack(target, name)
    t.match(await agent.work(), [
      { type: 'Deployment', certificate_id: first.certificateId },
      { type: 'TakeBack', certificate_id: first.certificateId },
    ])

    await deployed(plane, agent, target)
    const ambiguous = { code: 'CONTROL_PLANE_REFUSED', details: { status: 409 } }
    await t.rejects(plane.operator.deploy(name, target), ambiguous)
    await t.rejects(plane.operator.takeBack(target, name), ambiguous)
  },
)

t.test('what was never deployed to a target is not gone back to', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const target = await addTarget(plane, agent)
  const refusal = { code: 'CONTROL_PLANE_REFUSED', details: { status: 404 } }

  await t.rejects(plane.operator.takeBack('nobody'), refusal)
  await t.rejects(plane.operator.takeBack(target), refusal)
  await deployed(plane, agent, target)
  await t.rejects(plane.operator.takeBack(target), refusal, 'there is one alone')
  await t.rejects(plane.operator.takeBack(target, 'mc-none'), refusal)
})

/** A certificate that the agent has put onto the target. */
async function deployed(plane: TestControlPlane, agent: TestAgent, target: string) {
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', deploy_to: [target] }
  const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
  await agent.sendCsr(certificateId)
  plane.advance(1000)
  for (const { id } of await agent.work()) await agent.post(`/jobs/${String(id)}/status`, { status: 'Completed' })
  const { certificate_pem: pem } = (await agent.get(`/certificates/${certificateId}`)).body
  const leaf = new X509Certificate(String(pem)).fingerprint256.replaceAll(':', '').toLowerCase()
  return { certificateId, leaf }
}
