import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { examineDiscovery } from '../../../src/examine/examine-discovery.ts'
import { makeAuthority } from '../../support/certificates.ts'

const { certificatePem } = await makeAuthority()

t.test('folders that are there and have certificates are in order, and without folders nothing is said', async (t) => {
  const dir = t.testdir({ tls: { sub: { 'a.pem': certificatePem } }, state: {} })
  const look = (...folders: readonly string[]) =>
    examineDiscovery({ discovery: { folders }, stateDir: join(dir, 'state') })

  t.same(await look(), [])
  t.match(await look(join(dir, 'tls')), [{ what: 'discovery', verdict: 'ok', detail: '1 certificates in 1 folders' }])
  t.match(await look(`${dir}/tls/`), [{ verdict: 'ok' }])
})

t.test('a folder that is missing, is none, has nothing, or cannot be read is named, with what to do', async (t) => {
  const dir = t.testdir({
    tls: { 'a.pem': certificatePem },
    empty: { 'notes.txt': 'none' },
    closed: {},
    file: 'x',
    state: {},
  })
  await chmod(join(dir, 'closed'), 0)
  const isRoot = process.getuid?.() === 0
  const folders = ['tls', 'gone', 'empty', 'closed', 'file'].map((name) => join(dir, name))

  const [finding] = await examineDiscovery({ discovery: { folders }, stateDir: join(dir, 'state') })
  await chmod(join(dir, 'closed'), 0o700)
  t.equal(finding?.verdict, 'warning')
  const detail = finding?.detail ?? ''
  t.match(detail, `${dir}/gone is not there.`)
  t.match(detail, `${dir}/empty has no certificate in any file.`)
  t.match(detail, isRoot ? `${dir}/closed has no certificate` : `${dir}/closed cannot be read: EACCES.`)
  t.match(detail, `${dir}/file has no certificate in any file.`)
  t.notMatch(detail, `${dir}/tls `)
  t.match(detail, /take them out of discovery\.folders\.$/)
})

t.test('a folder that the unit hides from the service is named, whoever runs the check', async (t) => {
  const dir = t.testdir({ state: {} })
  t.match(await examineDiscovery({ discovery: { folders: ['/root/tls'] }, stateDir: join(dir, 'state') }), [
    { verdict: 'warning', detail: /\/root\/tls is hidden from the service \(ProtectHome=/ },
  ])
})
