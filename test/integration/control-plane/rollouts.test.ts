import t, { type Test } from 'tap'
import { openTestControlPlane, type TestAgent, type TestControlPlane } from '../../support/control-plane.ts'
import { until } from '../../support/until.ts'

const proven = { status: 'Completed', outcome: { outcome: 'deployed', proven: true } }

t.test('a roll-out is started, stops with its reason, is shown, goes on and ends', async (t) => {
  const { plane, agents } = await openSite(t, 4)
  const { operator } = plane
  await operator.label('mail-1', { set: { role: 'mx' }, remove: [] })

  const started = await operator.startRollout({
    name: 'november',
    action: 'deploy',
    all: true,
    first: ['mail-1', 'mail-2'],
    waves: [100],
    stop_after: 1,
  })
  t.match(started, { name: 'november', waves: [2, 2], targets: 4, left_out: ['unused'] })
  await until(async () => {
    plane.advance(1000)
    return (await operator.rollout('november')).waves[0]?.open === 2
  })
  const [job] = (await agents[0]?.work()) ?? []
  await agents[0]?.post(`/jobs/${String(job?.['id'])}/status`, { status: 'Failed', error: 'VERIFY_FAILED: other' })

  t.match(await operator.rollout('november'), {
    state: 'stopped',
    reason: '1 of its hosts failed; it stops at 1',
    wave: 1,
    waves: [
      { wave: 1, hosts: 2, failed: 1, waiting: 1 },
      { wave: 2, hosts: 2, waiting: 2 },
    ],
    first: ['mail-1', 'mail-2'],
    stop_after: 1,
    stop_share: null,
    window: null,
    deadline_s: 3600,
    created_by: 'operator:admin',
  })
  t.same(await agents[1]?.work(), [])
  t.match((await operator.rolloutTargets('november', { status: 'failed' })).rows, [
    { agent_name: 'mail-1', target_name: 'target-1', error: 'VERIFY_FAILED: other', job_id: job?.['id'] },
  ])
  t.match(await operator.resumeRollout('november', true), { state: 'running' })
  await until(async () => {
    // What a limit counts is over in a second.
    plane.advance(1000)
    for (const agent of agents)
      for (const { id } of await agent.work()) await agent.post(`/jobs/${String(id)}/status`, proven)
    return (await operator.rollout('november')).state === 'done'
  })
  t.match((await operator.rollouts()).rows, [{ name: 'november', state: 'done', ended_at: /^2026/ }])
  const { body } = await plane.ask('GET', '/metrics', plane.operatorToken)
  t.match(String(body['text']), /^waxseal_server_rollouts\{state="done"\} 1$/m)
  t.match(String(body['text']), /^waxseal_server_rollout_targets\{state="failed"\} 0$/m)
})

t.test('what cannot be a roll-out is refused with what to do, and nothing of it is there', async (t) => {
  const { plane } = await openSite(t, 2)
  const { operator } = plane
  await operator.label('mail-1', { set: { role: 'mx' }, remove: [] })
  const start = (change: object) => operator.startRollout({ name: 'one', action: 'deploy', all: true, ...change })
  const refused = async (change: object, status: number, answer: RegExp): Promise<void> => {
    await t.rejects(
      start(change),
      { code: 'CONTROL_PLANE_REFUSED', details: { status, answer } },
      JSON.stringify(change),
    )
  }

  await refused({ all: false }, 400, /say which targets/)
  await refused({ labels: ['role=mx'] }, 400, /and nothing else/)
  await refused({ all: false, labels: ['rol=mx'] }, 404, /is role=mx meant/)
  await refused({ all: false, agents: ['mial-1'] }, 404, /is mail-1 meant/)
  await refused({ all: false, targets: ['target-l'] }, 404, /is target-\d meant/)
  await refused({ all: false, targets: ['unused'] }, 404, /nothing to roll out/)
  await refused({ all: false, labels: ['role=mx'], first: ['mail-2'] }, 400, /none of the chosen targets: mail-2/)
  await refused({ waves: [25, 5, 100] }, 400, /shares of all hosts that grow/)
  await refused({ waves: [5, 25] }, 400, /the last is 100/)
  const window = { start: '0 2 * * *', for_s: 3600 }
  await refused({ window: { ...window, time_zone: 'Europe/Berln' } }, 400, /is Europe\/Berlin meant/)
  await refused({ window: { ...window, start: 'nightly' } }, 400, /cron expression/)
  await refused({ window: { ...window, for_s: 5 } }, 400, /for_s/)
  for (const name of ['', '-x', 'a b', '../x', 'x'.repeat(65)]) await refused({ name }, 400, /name/)
  await refused({ action: 'remove' }, 400, /action/)
  t.same((await operator.rollouts()).rows, [])

  await start({})
  await refused({ name: 'two', all: false, agents: ['mail-1'] }, 409, /roll-out one has some of these targets/)
  await operator.abandonRollout('one')
  await refused({}, 409, /there is, or was, a roll-out of this name/)
  t.match(await start({ name: 'two' }), { targets: 2 })
  await refused({ name: 'three' }, 409, /roll-out two/)
})

t.test('a label and names that are given must both fit', async (t) => {
  const { plane } = await openSite(t, 3)
  const { operator } = plane
  for (const name of ['mail-1', 'mail-2']) await operator.label(name, { set: { role: 'mx' }, remove: [] })

  await operator.startRollout({ name: 'a', action: 'renew', labels: ['role=mx'], agents: ['mail-2', 'mail-3'] })

  t.match((await operator.rolloutTargets('a')).rows, [{ agent_name: 'mail-2' }])
  t.equal((await operator.rolloutTargets('a')).rows.length, 1)
})

/** Agents with a certificate on a target each, and one target without. */
async function openSite(
  t: Test,
  count: number,
): Promise<{ readonly plane: TestControlPlane; readonly agents: readonly TestAgent[] }> {
  const plane = await openTestControlPlane(t)
  const agents: TestAgent[] = []
  for (let place = 1; place <= count; place += 1) {
    const agent = await plane.enroll(`mail-${place}`)
    const target = { name: `target-${place}`, agent_id: agent.id, type: 'Postfix', config: {} }
    const wanted = {
      agent_id: agent.id,
      common_name: 'mail.example.net',
      deploy_to: [await plane.operator.addTarget(target)],
    }
    const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
    await agent.sendCsr(certificateId)
    for (const { id } of await agent.work()) await agent.post(`/jobs/${String(id)}/status`, proven)
    agents.push(agent)
  }
  await plane.operator.addTarget({ name: 'unused', agent_id: 'mail-1', type: 'Postfix', config: {} })
  return { plane, agents }
}
