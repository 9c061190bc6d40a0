import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { machineDigest } from '../../../src/host/machine-id.ts'

const id = '0123456789abcdef0123456789abcdef'

t.test('a machine is told by a digest that is made for this purpose', async (t) => {
  const dir = t.testdir({ id: `${id}\n` })

  const digest = await machineDigest(join(dir, 'id'))

  t.equal(digest, createHash('sha256').update(`waxseal machine ${id}`).digest('hex'))
})

t.test('a machine without an id of its own is not told from others', async (t) => {
  const dir = t.testdir({ none: '', early: 'uninitialized\n', large: id.repeat(1000) })

  for (const name of ['none', 'early', 'large', 'missing']) t.equal(await machineDigest(join(dir, name)), null, name)
})
