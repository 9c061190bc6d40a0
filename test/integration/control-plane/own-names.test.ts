import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { builtProgram } from '../../support/built-program.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startProcess } from '../../support/process.ts'

const skip = unlessInstalled('unshare', 'hostname')

t.test('the certificate has the full name of a host that Debian set up', { skip }, async (t) => {
  const names = await namesServedBy(t, 'certs', '127.0.0.1 localhost\n127.0.1.1 certs.example.net certs\n')

  t.same(names.toSorted(), ['127.0.0.1', '::1', 'certs', 'certs.example.net', 'localhost'])
})

t.test('a host whose name is the full one has it once', { skip }, async (t) => {
  const names = await namesServedBy(t, 'certs.example.net', '127.0.0.1 localhost\n127.0.1.1 certs.example.net certs\n')

  t.same(names.toSorted(), ['127.0.0.1', '::1', 'certs.example.net', 'localhost'])
})

t.test('a host that its own resolver does not know serves all the same', { skip }, async (t) => {
  const names = await namesServedBy(t, 'unknown-host', '127.0.0.1 localhost\n')

  t.same(names.toSorted(), ['127.0.0.1', '::1', 'localhost', 'unknown-host'])
})

/** The names in the certificate of a control plane on a host with this name, these hosts(5) and no name server. */
async function namesServedBy(t: Test, hostname: string, hosts: string): Promise<readonly string[]> {
  const dir = await makeTemporaryFolder('waxseal-own-names-')
  t.teardown(() => removeTree(dir))
  await writeText(join(dir, 'hosts'), hosts)
  await writeText(join(dir, 'nsswitch.conf'), 'hosts: files\n')
  const setUp = 'hostname "$1"; mount --bind "$2/hosts" /etc/hosts; mount --bind "$2/nsswitch.conf" /etc/nsswitch.conf'
  const own = ['unshare', '--uts', '--mount', 'sh', '-ec', `${setUp}; shift 2; exec "$@"`, 'sh', hostname, dir] as const
  const serve = ['control-plane', 'serve', '--data-dir', join(dir, 'data'), '--listen', '127.0.0.1:0']
  const server = startProcess([...own, process.execPath, builtProgram, ...serve])
  await server.waitFor(({ text }) => String(text).startsWith('The control plane listens'))
  const url = new URL(await readFile(join(dir, 'data', 'url'), 'utf8'))
  const socket = connect({ host: '127.0.0.1', port: Number(url.port), ca: await readFile(join(dir, 'data', 'ca.pem')) })
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerX509Certificate() ?? {}
  socket.destroy()
  server.kill('SIGTERM')
  t.equal(await server.exited, 0)
  const { subjectAltName = '' } = new X509Certificate(raw ?? '')
  // `DNS:certs, IP Address:0:0:0:0:0:0:0:1`
  return subjectAltName.split(', ').map((name) => name.replace(/^[^:]*:/, '').replace('0:0:0:0:0:0:0:1', '::1'))
}
