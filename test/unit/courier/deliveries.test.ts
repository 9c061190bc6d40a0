import { createHash } from 'node:crypto'
import t from 'tap'
import { Deliveries } from '../../../src/courier/deliveries.ts'
import type { Undelivered } from '../../../src/documents/ask.ts'
import type { Report } from '../../../src/documents/report.ts'
import { type ErrorDetails, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const running: Report = { kind: 'status', jobId: 'job-1', status: 'Running' }
const completed: Report = { kind: 'status', jobId: 'job-1', status: 'Completed' }
const sentinel = 'a'.repeat(64)

t.test('a report is sent once, and the deployer is told that it was taken', async (t) => {
  const { deliveries, sent, send } = open()
  deliveries.learn([undelivered(completed)])

  t.equal(await deliveries.flush(send), null)
  t.equal(await deliveries.flush(send), null)

  t.same(sent, [completed])
  t.match(deliveries.fates(), [{ id: 'job-1/status', fate: 'taken', refusal: null }])
  deliveries.told(deliveries.fates())
  t.same(deliveries.fates(), [])
})

t.test(
  'a report that was taken while an answer with it was on its way is not sent again, and told again',
  async (t) => {
    const { deliveries, sent, send } = open()
    deliveries.learn([undelivered(completed)])
    await deliveries.flush(send)
    deliveries.told(deliveries.fates())

    deliveries.learn([undelivered(completed)])

    t.equal(await deliveries.flush(send), null)
    t.same(sent, [completed])
    t.match(deliveries.fates(), [{ fate: 'taken' }])
  },
)

t.test('the final state takes the place of a Running that still waits', async (t) => {
  const { deliveries, sent, send } = open()
  deliveries.learn([undelivered(running)])
  deliveries.learn([undelivered(completed)])

  await deliveries.flush(send)

  t.same(sent, [completed])
})

t.test('a job that ends while its Running is on the way still has its final state sent', async (t) => {
  const { deliveries, sent, send } = open()
  deliveries.learn([undelivered(running)])

  await deliveries.flush(async () => deliveries.learn([undelivered(completed)]))
  await deliveries.flush(send)

  t.same(sent, [completed])
})

t.test('a job that ends while its Running fails to be sent is reported without waiting for the next try', async (t) => {
  const { deliveries, sent, send } = open()
  deliveries.learn([undelivered(running)])

  const wait = await deliveries.flush(async () => {
    deliveries.learn([undelivered(completed)])
    throw unreachable()
  })
  await deliveries.flush(send)

  t.equal(wait, 0)
  t.same(sent, [completed])
})

t.test('an unreachable control plane is tried again after 2 s doubling to 5 min', async (t) => {
  const { deliveries, clock } = open()
  deliveries.learn([undelivered(completed)])

  const waits: (number | null)[] = []
  for (let tries = 0; tries < 10; tries += 1) {
    const wait = await deliveries.flush(() => Promise.reject(unreachable()))
    waits.push(wait)
    clock.advance(wait ?? 0)
  }

  t.same(
    waits.map((wait) => (wait ?? 0) / 1000),
    [2, 4, 8, 16, 32, 64, 128, 256, 300, 300],
  )
})

t.test('a Retry-After that is longer than the own wait is kept', async (t) => {
  const { deliveries } = open()
  deliveries.learn([undelivered(completed)])

  t.equal(await deliveries.flush(() => Promise.reject(unreachable({ retryAfterMs: 60_000 }))), 72_000)
})

t.test('a refused report is told as refused, and not sent again', async (t) => {
  const { deliveries, sent, send } = open()
  deliveries.learn([undelivered(completed)])

  await deliveries.flush(() => Promise.reject(refused(400, 'no such job')))
  await deliveries.flush(send)

  t.match(deliveries.fates(), [{ fate: 'refused', refusal: '400 no such job' }])
  t.same(sent, [])
})

t.test('a credential that is refused today keeps its reports', async (t) => {
  for (const status of [401, 403]) {
    const { deliveries } = open()
    deliveries.learn([undelivered(completed)])

    t.equal(await deliveries.flush(() => Promise.reject(refused(status, ''))), 2000)
    t.same(deliveries.fates(), [])
  }
})

t.test('a verification that is refused with 403 is held: it hides and holds up no other report', async (t) => {
  const { deliveries, sent, send, clock } = open()
  deliveries.learn([undelivered(seen('job-1')), undelivered(seen('job-2')), undelivered(completed)])

  const wait = await deliveries.flush(async (report) => {
    if (report.kind === 'verification') throw refused(403, 'not yours')
    await send(report)
  })

  t.equal(wait, 6 * 60 * 60_000)
  t.same(sent, [completed])
  t.same(
    deliveries.fates().map(({ fate }) => fate),
    ['held', 'held', 'taken'],
  )
  clock.advance(6 * 60 * 60_000)
  await deliveries.flush(send)
  t.equal(sent.length, 3)
})

t.test('of what was held before the start the oldest of its kind is tried at once', async (t) => {
  const { deliveries, sent, send } = open()
  const held = ['job-1', 'job-2'].map((job) => ({ ...undelivered(seen(job)), refusal: '403' }))
  deliveries.learn(held)

  await deliveries.flush(async (report) => {
    await send(report)
    throw refused(403, '')
  })

  t.same(
    sent.map(({ jobId }) => jobId),
    ['job-1'],
  )
})

t.test('what a server answers with an error of its own for ten days, while it takes others, is given up', async (t) => {
  const { deliveries, send, clock } = open()
  deliveries.learn([undelivered(completed), undelivered({ ...completed, jobId: 'job-2' })])
  const forgotten = async (report: Report): Promise<void> => {
    if (report.jobId === 'job-1') throw unreachable({ status: 500 })
    await send(report)
  }
  await deliveries.flush(forgotten)
  t.match(deliveries.fates(), [{ id: 'job-2/status', fate: 'taken' }])
  clock.advance(11 * 86_400_000)

  await deliveries.flush(forgotten)

  t.match(deliveries.fates(), [{ id: 'job-2/status' }, { id: 'job-1/status', fate: 'refused' }])
})

function open() {
  const clock = fakeClock()
  const sent: Report[] = []
  return { clock, sent, deliveries: new Deliveries(clock), send: async (report: Report) => void sent.push(report) }
}

function undelivered(report: Report): Undelivered {
  const digest = createHash('sha256').update(JSON.stringify(report)).digest('hex')
  return { id: `${report.jobId}/${report.kind}`, digest, since: Date.parse('2026-11-01'), refusal: null, report }
}

function seen(jobId: string): Report {
  return { kind: 'verification', jobId, targetId: 'mx1', expected: sentinel, actual: sentinel, verified: true }
}

function unreachable(details: ErrorDetails = {}): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_UNREACHABLE', details)
}

function refused(status: number, answer: string): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_REFUSED', { status, answer })
}
