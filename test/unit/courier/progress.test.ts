import t from 'tap'
import { openProgress } from '../../../src/courier/progress.ts'

t.test('a loop is overdue when it is not heard of within the time that it gave', async (t) => {
  let now = 0
  const progress = openProgress(() => now)
  progress.expect('poll', 100)
  progress.expect('report', 500)

  now = 101

  t.same(progress.overdue(), ['poll'])
})

t.test('a loop that is heard of again is not overdue, and neither is one that has ended', async (t) => {
  let now = 0
  const progress = openProgress(() => now)
  progress.expect('poll', 100)
  progress.expect('report', 100)

  now = 90
  progress.expect('poll', 100)
  progress.end('report')
  now = 150

  t.same(progress.overdue(), [])
})
