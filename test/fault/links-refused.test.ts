import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { unlessInstalled } from '../support/daemons.ts'
import { must } from './support/disk.ts'
import { killedBetweenRenames } from './support/killed-between-renames.ts'

t.setTimeout(600_000)
const skip = unlessInstalled('strace', 'setfattr')

t.test('where links are refused the old file comes back with its extended attributes', { skip }, async (t) => {
  const name = 'user.keeper'
  const host = await killedBetweenRenames(t, {
    prepare: ({ keyPath, certPath }) => must('setfattr', '-n', name, '-v', 'somebody', keyPath, certPath),
    faults: ['--inject=link:error=EPERM'],
  })

  t.match(await host.recover(), { status: 0 })

  t.equal(await host.leafOnDisk(), host.oldPair.sha256)
  t.same(await host.violations(), [])
  for (const path of [host.certPath, host.keyPath]) {
    const { stdout } = await promisify(execFile)('getfattr', ['--only-values', '-n', name, path])
    t.equal(stdout, 'somebody', path)
  }
})
