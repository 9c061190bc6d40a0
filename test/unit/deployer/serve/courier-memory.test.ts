import { readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  courierMemoryFolder,
  openCourierMemory,
  readMembership,
} from '../../../../src/deployer/serve/courier-memory.ts'
import { type Membership, noMembership } from '../../../../src/documents/membership.ts'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { isRoot } from '../../../../src/host/host-facts.ts'
import { must, remount, unmount } from '../../../fault/support/disk.ts'

const skip = isRoot() ? false : 'only root can mount'
const membership: Membership = {
  trust: { basis: 'a'.repeat(64), ca: 'pem' },
  credential: { basis: 'b'.repeat(64), since: 5, secrets: ['new', 'old'] },
}

t.test('what is kept is there after a restart, and each start is counted', async (t) => {
  const path = join(t.testdir(), 'courier')
  const memory = await openCourierMemory(path)
  t.same(await memory.introduce(), { starts: 1, membership: noMembership })
  await memory.keep(membership)

  const again = await openCourierMemory(path)

  t.same(await again.introduce(), { starts: 2, membership })
  t.same(await readMembership(path), membership)
})

t.test('of two that change it at the same moment none undoes the other', async (t) => {
  const memory = await openCourierMemory(join(t.testdir(), 'courier'))

  await Promise.all([memory.introduce(), memory.keep(membership), memory.introduce()])

  t.same(await memory.introduce(), { starts: 3, membership })
})

t.test(
  'a start that the disk does not take is not counted, and what was kept is handed out all the same',
  { skip },
  async (t) => {
    const path = join(await makeTemporaryFolder('waxseal-memory-'), 'courier')
    t.teardown(() => removeTree(dirname(path)))
    const memory = await openCourierMemory(path)
    await memory.keep(membership)
    await must('mount', '--bind', '-o', 'ro', path, path)
    t.teardown(() => unmount(path))
    t.same(await memory.introduce(), { starts: null, membership })
    await remount(path, 'rw,bind')

    t.same(await memory.introduce(), { starts: 1, membership })
  },
)

t.test('what is torn is set aside, and nothing is taken from it', async (t) => {
  const path = join(t.testdir(), 'courier')
  await (await openCourierMemory(path)).keep(membership)
  await writeFile(join(path, 'courier.json'), '{"v":1,"id":"courier"', { mode: 0o600 })

  t.same(await readMembership(path), noMembership)
  t.same(await readdir(path), ['courier.json.aside'])
})

t.test('who only reads makes nothing', async (t) => {
  const dir = t.testdir()

  t.same(await readMembership(courierMemoryFolder(dir)), noMembership)
  t.same(await readdir(dir), [])
})
