import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { testNotice } from '../../../src/notice/notice.ts'
import { webhookChannel } from '../../../src/notice/webhook-channel.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { startHttpsServer } from '../../support/https-server.ts'

const notice = testNotice('notice-1', 'certs.example.net', Date.parse('2026-11-01T00:00:00Z'))

const authority = await makeAuthority()
const server = await startHttpsServer(await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] }))
t.teardown(() => server.close())
const dir = t.testdir({ secret: 'a secret of some length\n', 'ca.pem': authority.certificatePem })
await chmod(join(dir, 'secret'), 0o600)
const settings = { url: `${server.url}/hook`, secretFile: join(dir, 'secret') }
// The unit of the control plane runs without compilers.
Reflect.deleteProperty(globalThis, 'WebAssembly')

t.test('a webhook is told where there is no WebAssembly', async (t) => {
  await webhookChannel({ ...settings, caFile: join(dir, 'ca.pem') }).send(notice)

  t.match(server.requests.at(-1), { path: '/hook', body: notice })
})

t.test('what the receiver says besides its status is not read, however much it is', async (t) => {
  server.answer((_, response) => {
    response.writeHead(200)
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  })

  await t.resolves(webhookChannel({ ...settings, caFile: join(dir, 'ca.pem') }).send(notice))
})

t.test('a root of the system vouches for a receiver', async (t) => {
  process.env['SSL_CERT_FILE'] = join(dir, 'ca.pem')
  server.answer((_, response) => response.writeHead(204).end())

  await t.resolves(webhookChannel({ ...settings, caFile: null }).send(notice))
})
