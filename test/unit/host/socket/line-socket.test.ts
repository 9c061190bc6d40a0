import { once } from 'node:events'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { askLine, serveLines } from '../../../../src/host/socket/line-socket.ts'

const bounds = { maxBytes: 1000, lineMs: 10_000, mostOpen: 2 }
const asking = { timeoutMs: 10_000, maxBytes: 1000 }

t.test('a line is answered by a line', async (t) => {
  const path = join(await folder(t), 's')
  const server = await serveLines({ path }, bounds, async (line) => `${line}!\n`)
  t.teardown(() => server.close())

  t.equal(await askLine(path, 'ask\n', asking), 'ask!')
  t.equal(await askLine(path, 'again\nand more\n', asking), 'again!')
})

t.test('a line beyond the bound, and a connection beyond the bound, end without an answer', async (t) => {
  const path = join(await folder(t), 's')
  const server = await serveLines({ path }, bounds, async (_line, gone) => {
    await once(gone, 'abort')
    return null
  })

  await t.rejects(askLine(path, `${'x'.repeat(1001)}\n`, asking))
  const holding = [createConnection(path), createConnection(path)]
  for (const socket of holding) socket.write('wait\n')
  await Promise.all(holding.map((socket) => once(socket, 'connect')))
  while (server.open() < 2) await new Promise((resolve) => setImmediate(resolve))
  await t.rejects(askLine(path, 'third\n', asking))
  t.equal(server.open(), 2)
  for (const socket of holding) socket.destroy()
  await server.close()
  while (server.open() > 0) await new Promise((resolve) => setImmediate(resolve))
})

t.test('who asks is told when nobody answers', async (t) => {
  const path = join(await folder(t), 's')
  await t.rejects(askLine(path, 'ask\n', asking), { code: 'ENOENT' })
  const server = await serveLines({ path }, bounds, async () => null)
  t.teardown(() => server.close())
  await t.rejects(askLine(path, 'ask\n', asking), /ended before the answer/)
})

async function folder(t: Test): Promise<string> {
  const path = await makeTemporaryFolder('line-socket')
  t.teardown(() => removeTree(path))
  return path
}
