import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { jsonOf, serveControlPlane } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-labels-')
t.teardown(() => removeTree(dir))
const plane = await serveControlPlane(dir)
t.teardown(() => plane.close())
for (const name of ['mail-1', 'mail-2']) await plane.register(name)

t.test('label sets, shows and removes labels, and lists choose by them', async (t) => {
  const { operate } = plane
  t.match(await operate('label', 'mail-1'), { status: 0, stdout: /^It has no label: .*label mail-1 name=value\n$/ })

  t.match(await operate('label', 'mail-1', 'role=mx', 'site=fra'), {
    status: 0,
    stdout: /^LABEL +VALUE\nrole +mx\nsite +fra\n$/,
  })
  t.match(jsonOf(await operate('label', 'mail-1', 'site=ham', 'role-', '--json')), { labels: { site: 'ham' } })
  t.match((await operate('agents')).stdout, /^AGENT .*LABELS\nmail-1 .* site=ham\nmail-2 .* -$/m)
  t.match(jsonOf<readonly object[]>(await operate('agents', '--label', 'site=ham', '--json')), [{ name: 'mail-1' }])
  t.match(await operate('targets', '--label', 'site=ham'), { status: 0, stdout: /^There is none of these; / })
})

t.test('a wrong label is refused with the form that it has, or the nearest that there is', async (t) => {
  const { operate } = plane
  await operate('label', 'mail-2', 'role=mx')

  t.match(await operate('label', 'mail-1', 'Role=mx'), { status: 2, stderr: /neither name=value nor name-/ })
  t.match(await operate('agents', '--label', 'role'), { status: 2, stderr: /It is no label: name=value/ })
  t.match(await operate('agents', '--label', 'rule=mx'), { status: 1, stderr: /is role=mx meant\?/ })
  t.match(await operate('label', 'mail-3', 'role=mx'), { status: 1, stderr: /no such agent: mail-3; is mail-\d meant/ })
})
