import { join } from 'node:path'
import t from 'tap'
import { openTurns } from '../../../src/deployer/turns.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { holdLock } from '../../support/lock-holder.ts'

t.test('within one process the works follow one another, also after one that failed', async (t) => {
  const turns = openTurns(join(t.testdir(), 'lock'), fakeClock())
  const said: string[] = []
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()

  const first = turns.take(async () => {
    said.push('first begins')
    await gate
    said.push('first ends')
    throw new Error('it failed')
  })
  const second = turns.take(async () => {
    said.push('second')
    return 2
  })
  open()

  await t.rejects(first, { message: 'it failed' })
  t.equal(await second, 2)
  t.same(said, ['first begins', 'first ends', 'second'])
})

for (const signal of [undefined, 'SIGKILL'] as const) {
  t.test(`a work waits while another process has the turn, which ends with it (${signal ?? 'exit'})`, async (t) => {
    const lock = join(t.testdir(), 'lock')
    const other = await holdLock(t, lock)
    const said: string[] = []
    const clock = {
      ...fakeClock(),
      sleep: async () => {
        said.push('waits')
        await other.end(signal)
      },
    }

    await openTurns(lock, clock).take(async () => void said.push('works'))

    t.same(said, ['waits', 'works'])
  })
}

t.test('a process that never ends its turn is named after ten minutes, and nothing was done', async (t) => {
  const lock = join(t.testdir(), 'lock')
  const { pid } = await holdLock(t, lock)
  const clock = fakeClock()
  const start = clock.now()
  let worked = false

  const refused = openTurns(lock, clock).take(async () => {
    worked = true
  })

  await t.rejects(refused, { code: 'STATE_BUSY', retry: 'backoff', details: { lock, pid } })
  t.equal(worked, false)
  t.equal(Math.round((clock.now() - start) / 60_000), 10)
})

t.test('a turn is over when its work is: another opener of the same lock comes next', async (t) => {
  const lock = join(t.testdir(), 'lock')
  const [one, other] = [openTurns(lock, fakeClock()), openTurns(lock, fakeClock())]

  t.equal(await one.take(async () => 1), 1)
  t.equal(await other.take(async () => 2), 2)
})

t.test('a lock file that cannot be made is an error of the work, not a wait', async (t) => {
  const turns = openTurns(join(t.testdir(), 'missing', 'lock'), fakeClock())

  await t.rejects(
    turns.take(async () => {}),
    /unable to open/,
  )
})
