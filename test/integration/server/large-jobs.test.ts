import t from 'tap'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'

/** Together they are as long as three answers. */
const targets = 60
/** Bytes that an agent takes of an answer. */
const mostBytes = 1024 * 1024

t.test('an answer has fewer jobs where their targets are large, and all of them arrive', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const config = { mode: 'postfix', note: 'ä'.repeat(30_000) }
  for (let at = 0; at < targets; at += 1) {
    const target = { name: `target-${at}`, agent_id: agent.id, type: 'Outside', config, unchecked: true }
    await plane.operator.addTarget(target)
  }
  const names = Array.from({ length: targets }, (_, at) => `target-${at}`)
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', deploy_to: names }
  const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
  await agent.sendCsr(certificateId)
  const client = openControlPlane({
    url: plane.url,
    ca: plane.caPem,
    credential: agent.credential,
    agentId: agent.id,
  })
  t.teardown(() => client.close())

  const seen = new Set<string>()
  for (let calls = 0; seen.size < targets && calls < targets; calls += 1) {
    // A client of ours: it fails where the answer is too large.
    const { jobs } = await client.work()
    t.ok(jobs.length > 0 && jobs.length < 20)
    for (const { id } of jobs) seen.add(id)
  }
  t.equal(seen.size, targets)
})

t.test('CSRs for certificates with many long names come in several answers, too', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const sans = Array.from(
    { length: 99 },
    (_, at) => `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}-${at}.example.net`,
  )
  for (let at = 0; at < 60; at += 1)
    await plane.operator.requestCertificate({ agent_id: agent.id, common_name: `mail-${at}.example.net`, sans })

  const { body } = await agent.get('/work')
  t.ok(Buffer.byteLength(JSON.stringify(body)) < mostBytes)
  t.ok((body['jobs'] as readonly object[]).length > 10)
})

t.test('a target that no host takes is refused, unchecked or not', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const target = {
    name: 'x',
    agent_id: agent.id,
    type: 'Outside',
    config: { note: 'x'.repeat(70_000) },
    unchecked: true,
  }

  await t.rejects(plane.operator.addTarget(target), {
    code: 'CONTROL_PLANE_REFUSED',
    details: { status: 400, answer: /at most 65536 bytes/ },
  })
})
