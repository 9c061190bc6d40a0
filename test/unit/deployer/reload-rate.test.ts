import { join } from 'node:path'
import t from 'tap'
import { openReloadRate } from '../../../src/deployer/reload-rate.ts'
import { limits } from '../../../src/limit/limits.ts'
import type { Command } from '../../../src/plan/plan.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const postfix: Command = ['postfix', 'reload']
const dovecot: Command = ['doveadm', 'reload']
const { most } = limits.reloadsPerHour
const refusal = { code: 'LIMIT_EXCEEDED', details: { limit: 'reloadsPerHour', most } }
const hourMs = 3_600_000

t.test(
  'a reload is counted by its command, and beyond the limit of the hour it waits, also behind a restart',
  async (t) => {
    const path = join(t.testdir(), 'reloads')
    const clock = fakeClock()
    const rate = await openReloadRate(path, clock)
    for (let run = 0; run < most; run += 1) await rate.count([postfix])

    await t.rejects(rate.count([postfix]), refusal)
    await t.rejects(rate.requireRoom([dovecot, postfix]), refusal)
    await rate.requireRoom([dovecot])
    await t.rejects((await openReloadRate(path, clock)).count([dovecot, postfix]), refusal)
    await rate.count([dovecot])
    await rate.count([])
    await clock.sleep(3_600_001)
    await rate.count([postfix])
  },
)

t.test('a refusal says when there is room again: when the oldest that counts is an hour old', async (t) => {
  const clock = fakeClock()
  const rate = await openReloadRate(join(t.testdir(), 'reloads'), clock)
  const first = clock.now()
  for (let run = 0; run < most; run += 1) {
    await rate.count([postfix])
    await clock.sleep(1000)
  }

  await t.rejects(rate.count([postfix]), {
    code: 'LIMIT_EXCEEDED',
    details: { until: new Date(first + hourMs).toISOString() },
  })
  await clock.sleep(first + hourMs - clock.now())
  await rate.count([postfix])
})

t.test('many jobs that wait together are one reload', async (t) => {
  const rate = await openReloadRate(join(t.testdir(), 'reloads'), fakeClock())

  for (let batch = 0; batch < most; batch += 1) await rate.count(Array.from({ length: 50 }, () => postfix))

  await t.rejects(rate.count([postfix]), refusal)
})
