import t from 'tap'
import { addTarget, deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'

t.test('an agent is labelled, and its targets and certificates are found by that', async (t) => {
  const plane = await openTestControlPlane(t)
  const one = await plane.enroll('mail-1')
  // Agents are listed by the time of their registration.
  plane.advance(1000)
  const two = await plane.enroll('mail-2')
  await deploymentFor(plane, one)
  await addTarget(plane, two, 'other')
  const { operator } = plane

  const labelled = await operator.label('mail-1', { set: { role: 'mx', site: 'fra' }, remove: [] })
  await operator.label(two.id, { set: { role: 'mx' }, remove: [] })

  t.same(labelled, { agent_id: one.id, labels: { role: 'mx', site: 'fra' } })
  t.same(await operator.labels('mail-1'), labelled)
  const names = async (list: 'agents' | 'targets' | 'certificates', field: string, label: readonly string[]) =>
    (await operator.part(list, { label })).rows.map((row) => row[field])
  t.same(await names('agents', 'name', ['role=mx']), ['mail-1', 'mail-2'])
  t.same(await names('agents', 'name', ['role=mx', 'site=fra']), ['mail-1'])
  t.same(await names('targets', 'name', ['site=fra']), ['postfix'])
  t.same(await names('certificates', 'common_name', ['site=fra']), ['mail.example.net'])
  t.match((await operator.part('agents', {})).rows, [
    { labels: { role: 'mx', site: 'fra' } },
    { labels: { role: 'mx' } },
  ])
  t.match(
    (await operator.audit()).rows.map(({ action }) => action).filter((action) => action === 'agent.label').length,
    2,
  )
})

t.test('a label is changed and removed, and what is refused has changed nothing', async (t) => {
  const plane = await openTestControlPlane(t)
  await plane.enroll('mail-1')
  const { operator } = plane
  const change = (set: Record<string, string>, ...remove: readonly string[]) =>
    operator.label('mail-1', { set, remove })
  await change({ role: 'mx', site: 'fra' })

  t.match(await change({ site: 'ham' }, 'role'), { labels: { site: 'ham' } })
  await t.rejects(change({ role: 'web' }, 'sites'), {
    code: 'CONTROL_PLANE_REFUSED',
    details: { status: 404, answer: /no label of this name: sites; is site meant\?/ },
  })
  for (const set of [{ Role: 'mx' }, { '-role': 'mx' }, { role: 'm x' }, { role: '' }, { ['r'.repeat(64)]: 'mx' }])
    await t.rejects(change(set), { code: 'CONTROL_PLANE_REFUSED', details: { status: 400 } })
  t.same((await operator.labels('mail-1')).labels, { site: 'ham' })
})

t.test('an agent has 32 labels at most, whoever adds them at once', async (t) => {
  const plane = await openTestControlPlane(t)
  await plane.enroll('mail-1')
  const add = (from: number, count: number) =>
    plane.operator.label('mail-1', {
      set: Object.fromEntries(Array.from({ length: count }, (_, at) => [`l${from + at}`, 'x'])),
      remove: [],
    })
  await add(0, 30)

  const added = await Promise.allSettled([add(30, 2), add(40, 2), add(50, 2)])

  t.equal(added.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal(Object.keys((await plane.operator.labels('mail-1')).labels).length, 32)
})

t.test('a label that no agent has is a typo, and not an empty list', async (t) => {
  const plane = await openTestControlPlane(t)
  await plane.enroll('mail-1')
  await plane.operator.label('mail-1', { set: { role: 'mx' }, remove: [] })

  for (const list of ['agents', 'targets', 'certificates'] as const)
    await t.rejects(plane.operator.part(list, { label: ['rol=mx'] }), {
      code: 'CONTROL_PLANE_REFUSED',
      details: { status: 404, answer: /no agent has the label rol=mx; is role=mx meant\?/ },
    })
  const ask = (label: string) =>
    plane.ask('GET', `/operator/v1/agents?label=${encodeURIComponent(label)}`, plane.operatorToken)
  for (const wrong of ['role', 'Role=mx', 'role=', '=mx', `role=${'x'.repeat(64)}`])
    t.equal((await ask(wrong)).status, 400, wrong)
  t.equal((await ask('role=mx')).status, 200)
})
