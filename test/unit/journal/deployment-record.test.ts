import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type DeploymentRecord, openDeploymentRecords } from '../../../src/journal/deployment-record.ts'

t.test('what is live on a target is read by another process; the last record is the one', async (t) => {
  const path = join(t.testdir(), 'deployments')
  const records = await openDeploymentRecords(path)
  await records.put('target', record('old'))
  await records.put('target', record('new'))
  await records.put('other', record('other'))

  const again = await openDeploymentRecords(path)

  t.same(await again.get('target'), record('new'))
  t.same(
    (await again.list()).map(({ id }) => id),
    ['target', 'other'],
  )
  t.equal(await again.get('nobody'), null)
})

t.test('the folder is 0700 and every record 0600, whatever the umask and the name of the target are', async (t) => {
  const path = join(t.testdir(), 'deployments')
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const records = await openDeploymentRecords(path)
  for (const target of ['target', '../../etc/passwd', '/srv/target.json']) await records.put(target, record('one'))

  t.equal((await stat(path)).mode & 0o7777, 0o700)
  const names = await readdir(path)
  t.equal(names.length, 3)
  for (const name of names) t.equal((await stat(join(path, name))).mode & 0o7777, 0o600)
})

t.test('a record that is torn, of another version or foreign is set aside: the target has none', async (t) => {
  const path = join(t.testdir(), 'deployments')
  const records = await openDeploymentRecords(path)
  const texts = {
    torn: '{"v":1,"id":"torn","since"',
    empty: '',
    other: JSON.stringify({ v: 2, id: 'other', since: 1, document: record('one') }),
    foreign: JSON.stringify({ v: 1, id: 'foreign', since: 1, document: { ...record('one'), certificate: {} } }),
    stolen: JSON.stringify({ v: 1, id: 'target', since: 1, document: record('one') }),
  }
  for (const [id, text] of Object.entries(texts)) await writeFile(join(path, `${id}.json`), text)

  for (const id of Object.keys(texts)) t.equal(await records.get(id), null, id)

  const names = Object.keys(texts).map((id) => `${id}.json`)
  t.same(records.setAside, names)
  t.same((await readdir(path)).toSorted(), names.map((name) => `${name}.aside`).toSorted())
  await records.put('torn', record('again'))
  t.match(await records.get('torn'), { planDigest: 'again' })
})

function record(planDigest: string): DeploymentRecord {
  return {
    target: 'target',
    connector: 'postfix',
    service: 'postfix',
    deployed: '2026-11-24T03:04:05.000Z',
    certificate: {
      names: ['mail.example.net'],
      serial: '01',
      notBefore: '2026-11-01T00:00:00Z',
      notAfter: '2027-02-01T00:00:00Z',
      spkiSha256: 'b'.repeat(64),
      sha256: 'a'.repeat(64),
    },
    planDigest,
    files: [{ path: '/etc/a.pem', role: 'certificate', digest: 'd', mode: 0o644, uid: 0, gid: 0 }],
    probes: [],
    looks: [],
    check: null,
  }
}
