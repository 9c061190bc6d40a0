import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { writeForGroup } from '../../../../src/host/file/group-file.ts'

t.test('a file for a group is whole, and what a crash left half written goes with the next write', async (t) => {
  const folder = join(t.testdir(), 'view')
  const gid = process.getegid?.() ?? 0
  await writeForGroup(join(folder, 'host.json'), Buffer.from('first'), gid)
  await writeFile(join(folder, '.waxseal-0123456789abcdef01234567.new'), 'half')
  await writeFile(join(folder, 'deploy.sock'), 'what is ours and is no remainder')

  await writeForGroup(join(folder, 'host.json'), Buffer.from('second'), gid)

  t.same((await readdir(folder)).toSorted(), ['deploy.sock', 'host.json'])
  t.equal(await readFile(join(folder, 'host.json'), 'utf8'), 'second')
  t.equal((await stat(join(folder, 'host.json'))).mode & 0o7777, 0o640)
  t.equal((await stat(folder)).mode & 0o7777, 0o750)
})
