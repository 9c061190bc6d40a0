import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { openTransport } from '../../../src/acme/transport.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { startHttpsServer } from '../../support/https-server.ts'

async function failureOf(directory: string): Promise<unknown> {
  const transport = openTransport({ directory, ca: null })
  return transport.request({ method: 'GET', url: directory }, () => {}).catch((error: unknown) => error)
}

t.test('a CA that nobody answers for is a coded error, and the process goes on', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  await once(closed, 'close')

  for (const directory of [`https://127.0.0.1:${port}/directory`, 'https://nowhere.invalid/directory'])
    t.match(await failureOf(directory), { code: 'ACME_UNREACHABLE' }, directory)
})

t.test('a CA that nobody vouches for is a coded error that names the way out', async (t) => {
  const authority = await makeAuthority()
  const server = await startHttpsServer(await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] }))
  t.teardown(() => server.close())

  t.match(await failureOf(`${server.url}/directory`), { code: 'ACME_UNREACHABLE', details: { hint: /ca_file/ } })
})

t.test('a CA that hangs up in the middle of the handshake is a coded error', async (t) => {
  const rude = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(rude, 'listening')
  t.teardown(() => rude.close())
  const { port } = rude.address() as AddressInfo

  t.match(await failureOf(`https://127.0.0.1:${port}/directory`), { code: 'ACME_UNREACHABLE' })
})
