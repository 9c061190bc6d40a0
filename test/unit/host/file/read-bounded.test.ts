import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readBounded } from '../../../../src/host/file/read-bounded.ts'

t.test('all bytes of a file of any size up to the bound are read', async (t) => {
  const folder = t.testdir()
  for (const size of [0, 1, 16 * 1024, 16 * 1024 + 1, 100_000]) {
    const path = join(folder, String(size))
    const bytes = randomBytes(size)
    writeFileSync(path, bytes)

    t.ok(bytes.equals((await readBounded(path, 100_000)) ?? Buffer.from('none')), `${size} bytes`)
  }
})

t.test('a file that is larger than the bound is refused, one that is not there is null', async (t) => {
  const path = join(t.testdir({ file: 'x'.repeat(101) }), 'file')

  await t.rejects(readBounded(path, 100), { message: `${path} is larger than 100 bytes` })
  t.equal(await readBounded(`${path}.none`, 100), null)
})

t.test('a file of the kernel that tells no size is read whole', async (t) => {
  const name = await readBounded('/proc/self/comm', 100)

  t.match(Buffer.from(name ?? []).toString(), /^\S.*\n$/)
})
