import t from 'tap'
import { createToken } from '../../../src/server/operation/agent/create-token.ts'
import { forgetTokens } from '../../../src/server/operation/agent/tokens.ts'
import { chainAudit } from '../../../src/server/operation/audit-trail.ts'
import { hashSecret } from '../../../src/server/operation/secret.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'

t.test('a reader looks and changes nothing, and one who was revoked is not known', async (t) => {
  const dataDir = t.testdir({})
  const store = await openStore({ dataDir })
  for (const name of ['ann', 'bob']) {
    const row = {
      id: name,
      name,
      role: 'reader',
      hash: hashSecret(`wxo_${name}`),
      createdAt: 0,
      revokedAt: null,
    } as const
    t.ok(await store.operators.add(row))
  }
  t.ok(await store.operators.revoke('bob', 1))
  await store.close()

  const plane = await openTestControlPlane(t, { dataDir })
  const ask = async (method: 'GET' | 'POST', path: string, name: string): Promise<number> =>
    (await plane.ask(method, `/operator/v1${path}`, `wxo_${name}`)).status

  t.same([await ask('GET', '/jobs', 'ann'), await ask('POST', '/tokens', 'ann')], [200, 403])
  t.same([await ask('GET', '/jobs', 'bob'), await ask('GET', '/jobs', 'eve')], [401, 401])
})

t.test('a token is forgotten thirty days after it is over', async (t) => {
  let now = 0
  const dayMs = 86_400_000
  const store = await openStore({ dataDir: t.testdir({}), now: () => now })
  t.teardown(() => store.close())
  await createToken({ store }, 'operator:ann', { expiresInMs: dayMs })
  await createToken({ store }, 'operator:ann', { expiresInMs: 60 * dayMs })
  const left = async (day: number): Promise<number> => {
    now = day * dayMs
    await forgetTokens(store)
    return (await store.tokens.list({ limit: 9 })).length
  }

  t.same([await left(30.9), await left(31), await left(89), await left(90)], [2, 1, 1, 0])
})

t.test('whatever is changed is in the audit trail, with who changed it', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await plane.operator.addTarget({ name: 'postfix', agent_id: agent.id, type: 'Postfix', config: {} })
  await plane.operator.requestCertificate({
    agent_id: agent.id,
    common_name: 'mail.example.net',
    deploy_to: ['postfix'],
  })
  const [issuance] = await agent.work()
  await agent.sendCsr(String(issuance?.['certificate_id']))
  const [deployment] = await agent.work()
  await agent.post(`/jobs/${String(deployment?.['id'])}/status`, { status: 'Completed' })
  await plane.operator.retire('mail-1')
  await plane.close()

  const store = await openStore({ dataDir: plane.dataDir })
  t.teardown(() => store.close())
  await chainAudit(store)
  const rows = await store.audit.list({ limit: 99 })

  const [operator, self] = ['operator:admin', `agent:${agent.id}`]
  t.same(
    rows.map(({ actor, action }) => [actor, action]),
    [
      [operator, 'token.create'],
      [self, 'agent.register'],
      [operator, 'target.add'],
      [operator, 'certificate.request'],
      [self, 'certificate.csr'],
      ['server', 'certificate.sign'],
      [self, 'job.claim'],
      [self, 'job.report'],
      [operator, 'agent.retire'],
    ],
  )
  t.notMatch(JSON.stringify(rows), /wx[ato]_/)
})
