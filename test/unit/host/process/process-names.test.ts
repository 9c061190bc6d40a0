import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { processNames } from '../../../../src/host/process/process-names.ts'

t.test('the names are those of the kernel, this process and its children among them', async (t) => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')

  const names = await processNames()

  t.ok(names.includes('sleep'))
  t.ok(names.includes((await readFile('/proc/self/comm', 'latin1')).trim()))
})

t.test('whoever works beside has a turn after at most 32 of them', async (t) => {
  let read = 0
  let most = 0
  const readFileSync = (): string => {
    read += 1
    most = Math.max(most, read)
    return 'sleep\n'
  }
  const readdir = async (): Promise<readonly string[]> => [
    'self',
    ...Array.from({ length: 300 }, (_, n) => String(n + 1)),
  ]
  const mocked = await t.mockImport<typeof import('../../../../src/host/process/process-names.ts')>(
    '../../../../src/host/process/process-names.ts',
    { 'node:fs': { readFileSync }, 'node:fs/promises': { readdir } },
  )
  let isOver = false
  const turn = (): void => {
    read = 0
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)

  t.equal((await mocked.processNames()).length, 300)

  isOver = true
  t.equal(most, 32)
})
