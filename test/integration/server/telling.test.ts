import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadServerConfig } from '../../../src/server/config/load-server-config.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { type HttpsServer, json, startHttpsServer } from '../../support/https-server.ts'

t.test('an operator has a test sent through each way, and learns what became of it', async (t) => {
  const { plane, hook } = await openSite(t)

  t.match(await plane.operator.testNotices(), [{ channel: /^webhook /, error: null }])
  t.match(hook.requests, [{ path: '/waxseal', body: { v: 1, is_test: true, from: 'certs.example.net' } }])
  hook.answer(json(403, {}))
  t.match(await plane.operator.testNotices(), [{ error: /People could not be told.*it answered 403/ }])
})

t.test('what is the matter is told through a real webhook soon after the start, and is listed and muted', async (t) => {
  const { plane, hook, restart } = await openSite(t)
  const agent = await plane.enroll('mail-1')
  const target = await plane.operator.addTarget({
    name: 'postfix',
    agent_id: agent.id,
    type: 'Postfix',
    config: { mode: 'postfix' },
  })
  const drift = { target_id: target, reasons: ['Another key is on the disk.'], looked_at: '2026-11-01T00:00:00Z' }
  const sent = await agent.post('/discoveries', { certificates: null, errors: null, drift: [drift] })
  t.ok(sent.status < 300, JSON.stringify(sent.body))
  const arrived = new Promise<void>((resolve) => {
    hook.answer((request, response) => {
      json(200, {})(request, response)
      resolve()
    })
  })

  const again = await restart()
  await arrived

  t.match(hook.requests.at(-1)?.body, { opened: [{ kind: 'drift', agent: 'mail-1', target: 'postfix' }] })
  const { matters } = await again.operator.matters(false)
  t.match(matters, [{ kind: 'drift', is_muted: false }])
  const { id } = await again.operator.mute({ matter: matters[0]?.id, for_s: 3600 })
  t.match((await again.operator.matters(false)).matters, [{ is_muted: true }])
  t.match(await again.operator.mutes(), [{ id, by: /^operator:/ }])
  await again.operator.unmute(id)
  t.same(await again.operator.mutes(), [])
})

t.test('a reader sees what is the matter, and neither mutes nor sends tests', async (t) => {
  const { plane } = await openSite(t)
  const token = await plane.operator.addOperator('reader', 'reader')

  t.equal((await plane.ask('GET', '/operator/v1/matters', token)).status, 200)
  t.equal((await plane.ask('POST', '/operator/v1/mutes', token, { kind: 'drift', for_s: 60 })).status, 403)
  t.equal((await plane.ask('POST', '/operator/v1/notices/test', token)).status, 403)
})

async function openSite(t: Test): Promise<{
  readonly plane: TestControlPlane
  readonly hook: HttpsServer
  restart(): Promise<TestControlPlane>
}> {
  const authority = await makeAuthority()
  const hook = await startHttpsServer(await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] }))
  t.teardown(() => hook.close())
  const dir = t.testdir({ 'ca.pem': authority.certificatePem, data: {} })
  const secret = join(dir, 'secret')
  writeFileSync(secret, 'a secret of some length\n', { mode: 0o600 })
  const file = join(dir, 'control-plane.yaml')
  const webhook = `{ url: "${hook.url}/waxseal", secret_file: ${secret}, ca_file: ${join(dir, 'ca.pem')} }`
  writeFileSync(file, `notify: { webhooks: [${webhook}] }\n`)
  const config = await loadServerConfig(file)
  const open = () => openTestControlPlane(t, { dataDir: join(dir, 'data'), config, names: ['certs.example.net'] })
  const plane = await open()
  return {
    plane,
    hook,
    restart: async () => {
      await plane.close()
      return open()
    },
  }
}
