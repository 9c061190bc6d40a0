import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { askStatus } from '../../../src/status/ask-status.ts'

t.test('an answer that does not end is left after some megabytes, and is none', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-status-')
  t.teardown(() => removeTree(dir))
  const { promise: left, resolve } = Promise.withResolvers<number>()
  let sent = 0
  const server = createServer((_request, response) => {
    const fill = (): void => {
      do sent += 65_536
      while (response.write(Buffer.alloc(65_536, '[')))
    }
    response.on('drain', fill).once('close', () => resolve(sent))
    fill()
  })
  await once(server.listen(join(dir, 'status.sock')), 'listening')
  t.teardown(() => void server.close())

  t.equal(await askStatus(join(dir, 'status.sock')), null)

  t.ok((await left) < 64 * 1024 * 1024)
})
