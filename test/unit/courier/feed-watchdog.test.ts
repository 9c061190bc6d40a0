import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { feedWatchdog } from '../../../src/courier/feed-watchdog.ts'
import { openProgress } from '../../../src/courier/progress.ts'

t.test('the watchdog is fed again and again while the loops make progress', async (t) => {
  const { told, fed } = feeding()

  await fed(3)

  t.same(told.slice(0, 3), ['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1'])
})

t.test(
  'a loop that is overdue stops the feeding, is named in the log, and starts it again when it is heard of',
  async (t) => {
    const { told, fed, logged, progress } = feeding()
    progress.expect('poll', -1)

    const { overdue } = await logged()
    t.same(overdue, ['poll'])
    t.same(told, [])
    progress.expect('poll', 60_000)
    await fed(1)

    t.same(told[0], 'WATCHDOG=1')
  },
)

/** A watchdog of a few milliseconds. */
function feeding() {
  const told: string[] = []
  const lines: { readonly overdue: readonly string[] }[] = []
  const progress = openProgress()
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const manager = { watchdogMs: 6, notify: async (...all: readonly string[]) => void told.push(...all) }
  feedWatchdog({ manager, progress, log })
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await delay(1)
  }
  return {
    told,
    progress,
    fed: (times: number) => until(() => told.length >= times),
    logged: async () => {
      await until(() => lines.length > 0)
      return lines[0] ?? { overdue: [] }
    },
  }
}
