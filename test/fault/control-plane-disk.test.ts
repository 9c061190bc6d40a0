import { join } from 'node:path'
import t from 'tap'
import { removeFile } from '../../src/host/file/files.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { isRoot } from '../../src/host/host-facts.ts'
import { deploymentFor, openTestControlPlane } from '../support/control-plane.ts'
import { readyAs } from '../support/ready-as.ts'
import { mountMemory, must, unmount } from './support/disk.ts'

const folder = await makeTemporaryFolder('waxseal-server-disk-')
t.teardown(() => removeTree(folder))
const skip = isRoot() ? false : 'only root can mount'

t.test('a server whose disk is full is not ready, and loses nothing that it was told later', { skip }, async (t) => {
  const dataDir = join(folder, 'data')
  await mountMemory(dataDir, 'size=8m')
  t.teardown(() => unmount(dataDir))
  const plane = await openTestControlPlane(t, { dataDir })
  const agent = await plane.enroll()
  const { jobId } = await deploymentFor(plane, agent)
  await agent.work()
  await readyAs(plane, 200)
  const report = () => agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })

  const filler = join(dataDir, 'filler')
  await must('sh', '-c', `head -c 9000000 /dev/zero > ${filler} || true`)
  t.match(await readyAs(plane, 503), { body: { status: 'not ready', missing: 'database' } })
  t.match(await plane.ask('GET', '/healthz', ''), { status: 200 })
  t.match(await report(), { status: 503, headers: { 'retry-after': /^\d+$/ }, body: { error: /database/ } })

  await removeFile(filler)
  t.match(await readyAs(plane, 200), { body: { status: 'ready' } })
  t.equal((await report()).status, 200)
  t.equal((await plane.operator.job(jobId)).status, 'Completed')
  await plane.close()
})
