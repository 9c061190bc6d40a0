import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { removeFile } from '../../../src/host/file/files.ts'
import { startControlPlane } from '../../../src/server/start-control-plane.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'

t.test('a second control plane on one data directory is refused, and the first goes on', async (t) => {
  const first = await openTestControlPlane(t)

  const second = startControlPlane({ dataDir: first.dataDir, host: '127.0.0.1', port: 0 })

  await t.rejects(second, { code: 'STATE_BUSY', details: { folder: first.dataDir, pid: process.pid } })
  t.same(await first.operator.agents(), [])
})

for (const name of ['ca.pem', 'ca.key'])
  t.test(`without ${name} a control plane that has agents is refused, and makes no new CA`, async (t) => {
    const plane = await openTestControlPlane(t)
    await plane.enroll()
    await plane.close()
    const kept = await readFile(join(plane.dataDir, name))
    await removeFile(join(plane.dataDir, name))

    const start = () => startControlPlane({ dataDir: plane.dataDir, host: '127.0.0.1', port: 0 })

    await t.rejects(start(), { code: 'CA_MISSING', details: { folder: plane.dataDir } })
    await t.rejects(start(), { code: 'CA_MISSING' }, 'the first refusal has left no lock')
    await t.rejects(stat(join(plane.dataDir, name)), { code: 'ENOENT' })
    t.ok(kept.length > 0)
  })
