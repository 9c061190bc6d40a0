import { readFile } from 'node:fs/promises'
import t from 'tap'
import { leastRoles } from '../../../src/server/http/least-roles.ts'
import { mayDo, type Role, roles } from '../../../src/server/operation/operators.ts'
import { openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'

t.test('each call of operators is done for its least role and above, and refused below it', async (t) => {
  const plane = await openTestControlPlane(t)
  const tokens = new Map<Role, string>()
  for (const role of roles) tokens.set(role, await addOperator(plane, `one-${role}`, role))

  for (const [call, least] of Object.entries(leastRoles))
    for (const role of roles) {
      const [method, path] = call.split(' ') as ['GET' | 'POST', string]
      plane.advance(5000)
      const { status, body } = await plane.ask(method, path.replaceAll(/:\w+/g, 'none'), tokens.get(role) ?? '')
      if (mayDo(role, least)) t.notOk([401, 403].includes(status), `${call} as ${role}`)
      else
        t.match(
          { status, body },
          { status: 403, body: { error: `this needs the role ${least}, and yours is ${role}` } },
          `${call} as ${role}`,
        )
    }
})

t.test('the calls of operators are those that the document has, and each needs a token', async (t) => {
  const plane = await openTestControlPlane(t)
  const { body } = await plane.ask('GET', '/openapi.json', '')
  const paths = body['paths'] as Readonly<Record<string, Readonly<Record<string, { security: unknown[] }>>>>
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({ name: `${method.toUpperCase()} ${path}`, security })),
  )

  const patternOf = (name: string): string => name.replaceAll(/\{(\w+)\}/g, ':$1')
  const ofOperators = calls.map(({ name }) => patternOf(name)).filter((name) => /\/operator\/|\/metrics/.test(name))
  t.same(ofOperators.toSorted(), Object.keys(leastRoles).toSorted())
  for (const { name, security } of calls) {
    const [method, path] = name.split(' ') as ['GET' | 'POST', string]
    plane.advance(5000)
    const { status } = await plane.ask(
      method,
      path.replaceAll(/\{\w+\}/g, 'none'),
      '',
      method === 'POST' ? {} : undefined,
    )
    t.equal(status === 401, security.length > 0, name)
  }
})

t.test('docs/openapi.json is what a server says', async (t) => {
  const plane = await openTestControlPlane(t)
  const written: unknown = JSON.parse(await readFile(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'))

  const { status, body } = await plane.ask('GET', '/openapi.json', '')
  t.equal(status, 200)
  t.same(body, written, 'npm run docs writes it')
})

t.test('an operator that was revoked is refused with the next call, and the first admin cannot be', async (t) => {
  const plane = await openTestControlPlane(t)
  const token = await addOperator(plane, 'ann', 'reader')
  const ask = () => plane.ask('GET', '/operator/v1/agents', token)
  t.equal((await ask()).status, 200)

  const revoke = (name: string) => plane.ask('POST', `/operator/v1/operators/${name}/revoke`, plane.operatorToken)
  t.equal((await revoke('ann')).status, 200)

  t.equal((await ask()).status, 401)
  t.match(await revoke('ann'), { status: 404 })
  t.match(await revoke('admin'), { status: 409, body: { error: /operator-token/ } })
})

t.test('a list goes on after the number of a row, and after nothing else', async (t) => {
  const plane = await openTestControlPlane(t)

  for (const list of ['jobs', 'audit'])
    for (const after of ['abc', '-1', '1.5', '1e400', '99999999999999999'])
      t.match(await plane.ask('GET', `/operator/v1/${list}?after=${after}`, plane.operatorToken), { status: 400 })
})

t.test('a name that no certificate can have is refused when it is asked for', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()

  for (const name of ['mail example.net', 'mail.example.net\n', 'mail\u0000', 'mühle.example.net', '']) {
    const requests = [{ common_name: name }, { common_name: 'mail.example.net', sans: [name] }]
    for (const body of requests.map((one) => ({ agent_id: agent.id, ...one })))
      t.match(await plane.ask('POST', '/operator/v1/certificates', plane.operatorToken, body), { status: 400 }, name)
  }
})

t.test('a target that cannot be seen as it is gets no name', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()

  for (const name of ['postfix\u0000', 'post\u0007fix', 'post\u200bfix', 'postfix\ud800', 'postfix ', '\u001b'])
    t.match(
      await plane.ask('POST', '/operator/v1/targets', plane.operatorToken, {
        name,
        agent_id: agent.id,
        type: 'Postfix',
        config: {},
      }),
      { status: 400 },
      JSON.stringify(name),
    )
})

t.test('a token is asked for with its end, its uses and its names', async (t) => {
  const plane = await openTestControlPlane(t)
  const asked = await plane.ask('POST', '/operator/v1/tokens', plane.operatorToken, {
    expires_in_s: 60,
    uses: 2,
    names: 'mail-*',
  })
  const register = (name: string) =>
    plane.ask('POST', '/api/v1/agents', String(asked.body['token']), { name, hostname: name })

  t.match(await register('web-1'), { status: 403, body: { error: /other names/ } })
  t.match(await register('mail-1'), { status: 201 })
  plane.advance(60_000)
  t.match(await register('mail-2'), { status: 401 })
  for (const wrong of [{ uses: 0 }, { expires_in_s: 1 }, { expire_in_s: 60 }])
    t.match(await plane.ask('POST', '/operator/v1/tokens', plane.operatorToken, wrong), { status: 400 })
})

t.test('tokens are listed without the tokens, and one that is revoked lets nobody in', async (t) => {
  const plane = await openTestControlPlane(t)
  const register = (token: string, name: string) =>
    plane.ask(
      'POST',
      '/api/v1/agents',
      token,
      { name, hostname: name },
      { 'idempotency-key': `${name}-0123456789abcdef` },
    )
  const used = await plane.operator.createToken()
  await register(used, 'mail-1')
  plane.advance(1000)
  const many = await plane.operator.createToken({ uses: 3, names: 'mail-*' })
  await register(many, 'mail-2')
  plane.advance(1000)
  await plane.operator.readmit('mail-1')
  const list = async () => (await plane.operator.part('tokens', {})).rows

  const rows = await list()
  t.match(rows, [
    { state: 'used', uses_left: 0, used_at: '2026-11-01T00:00:00.000Z', created_by: 'operator:admin' },
    { state: 'good', uses_left: 2, names: 'mail-*', expires_at: '2026-11-02T00:00:01.000Z' },
    { state: 'good', agent_name: 'mail-1', names: null },
  ])
  t.notMatch(JSON.stringify(rows), /wxt_|[0-9a-f]{17}/)
  const id = String(rows[1]?.['id'])
  const revoke = (token: string) => plane.ask('POST', `/operator/v1/tokens/${token}/revoke`, plane.operatorToken)
  t.equal((await revoke(id)).status, 200)

  t.match(await list(), [{ state: 'used' }, { id, state: 'ended' }, { state: 'good' }])
  t.equal((await register(many, 'mail-3')).status, 401)
  t.equal((await register(many, 'mail-2')).status, 401, 'nor again')
  t.match(await revoke(id), { status: 404, body: { error: /still good/ } })
  t.equal((await revoke('0123456789abcdef')).status, 404)
  const { body } = await plane.ask('GET', '/operator/v1/audit', plane.operatorToken)
  const actions = (body['rows'] as Readonly<Record<string, unknown>>[]).filter(({ subject }) => subject === id)
  t.match(actions, [{ action: 'token.create' }, { actor: 'operator:admin', action: 'token.revoke' }])
})

t.test('an agent exchanges its credential by a call, and a revoked one is refused at once', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()

  const { status, body } = await agent.post('/credential', undefined)
  const fresh = plane.agent({ id: agent.id, credential: String(body['api_key']) })

  t.equal(status, 201)
  t.equal((await agent.get('/work')).status, 200)
  t.equal((await fresh.get('/work')).status, 200)
  t.equal((await agent.get('/work')).status, 401)
  t.match(await plane.ask('POST', '/operator/v1/agents/mail-1/revoke-credentials', plane.operatorToken), {
    body: { revoked: 1 },
  })
  t.equal((await fresh.get('/work')).status, 401)
})

t.test('two hosts with one credential are told in the list of agents', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const beat = (machine: string) =>
    agent.post('/heartbeat', {
      version: '1',
      host: { machine: machine.repeat(64), starts: 1, run: machine.repeat(16) },
    })

  for (const machine of ['a', 'b', 'a']) t.match(await beat(machine), { status: 200 })

  t.match(await plane.operator.agents(), [{ name: 'mail-1', twin: { reason: /two machines/ } }])
  plane.advance(24 * 3_600_000)
  t.match(await plane.operator.agents(), [{ name: 'mail-1', twin: null }])
})

t.test('what was done is in the audit trail, by whom', async (t) => {
  const plane = await openTestControlPlane(t)
  const token = await addOperator(plane, 'ann', 'operator')
  await plane.enroll()
  await plane.ask('POST', '/operator/v1/agents/mail-1/retire', token)

  const { body } = await plane.ask('GET', '/operator/v1/audit', token)

  t.match(body['rows'], [
    { link: 1, actor: 'operator:admin', action: 'operator.add' },
    { actor: 'operator:admin', action: 'token.create' },
    { actor: /^agent:/, action: 'agent.register' },
    { actor: 'operator:ann', action: 'agent.retire' },
  ])
  t.match(await plane.ask('GET', '/operator/v1/audit/head', token), { body: { link: 4, signature: /./ } })
})

t.test('a server says that it is alive and ready, and its metrics to a reader', async (t) => {
  const plane = await openTestControlPlane(t)
  const reader = await addOperator(plane, 'prometheus', 'reader')

  t.match(await plane.ask('GET', '/healthz', ''), { status: 200, body: { status: 'alive' } })
  t.match(await plane.ask('GET', '/readyz', ''), { status: 200, body: { status: 'ready' } })
  const text = String((await plane.ask('GET', '/metrics', reader)).body['text'])
  t.match(text, /^waxseal_server_jobs_open\{status="Pending"\} 0$/m)
  t.match(text, /^waxseal_server_request_seconds_count\{call="POST \/operator\/v1\/operators",status="201"\} 1$/m)
  t.match(text, /^waxseal_server_info\{version="[^"]+"\} 1$/m)
})

async function addOperator({ ask, operatorToken }: TestControlPlane, name: string, role: Role): Promise<string> {
  const { body } = await ask('POST', '/operator/v1/operators', operatorToken, { name, role })
  return String(body['token'])
}
