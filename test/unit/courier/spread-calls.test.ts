import t from 'tap'
import type { JobCalls } from '../../../src/control-plane/job-calls.ts'
import { spreadCalls } from '../../../src/courier/spread-calls.ts'
import { RateLimit } from '../../../src/server/http/rate-limit.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('however many jobs a host has, none of its calls is one too many for a control plane', async (t) => {
  const { clock, calls, answers } = open()

  for (let at = 0; at < 400; at += 1) await calls.certificate(`cert-${at}`)
  await calls.reportStatus('job-1', { status: 'Completed' })

  t.same(answers, { taken: 401, refused: 0 })
  // 90 at once, and then one after the other; reports leave half of it to the rest.
  t.same(clock.sleeps, [...Array.from({ length: 310 }, () => 22), 46 * 22])
})

t.test('a few calls wait for nothing, nor does what comes after a clock that was set back', async (t) => {
  const { clock, calls } = open()
  await Promise.all(Array.from({ length: 90 }, async (_, at) => calls.submitCsr(`cert-${at}`, 'CSR')))
  t.same(clock.sleeps, [])

  clock.advance(-86_400_000)
  await Promise.all(Array.from({ length: 90 }, async (_, at) => calls.renewLease(`job-${at}`)))
  t.same(clock.sleeps, [])
})

/** Calls of a control plane that counts as ours does. */
function open() {
  const clock = fakeClock()
  const limit = new RateLimit()
  const answers = { taken: 0, refused: 0 }
  const answer =
    <Answer>(value: Answer) =>
    async (): Promise<Answer> => {
      answers[limit.take('agent', clock.now()) ? 'taken' : 'refused'] += 1
      return value
    }
  const inner: JobCalls = {
    certificate: answer('PEM'),
    submitCsr: answer('signed' as const),
    renewLease: answer(60_000),
    reportStatus: answer(undefined),
    reportVerification: answer(undefined),
    reportRenewed: answer(undefined),
  }
  return { clock, calls: spreadCalls(inner, clock), answers }
}
