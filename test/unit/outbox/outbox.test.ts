import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Report } from '../../../src/documents/report.ts'
import { type ErrorDetails, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { type Outbox, openOutbox } from '../../../src/outbox/outbox.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const running: Report = { kind: 'status', jobId: 'job-1', status: 'Running' }
const completed: Report = { kind: 'status', jobId: 'job-1', status: 'Completed' }

t.test('a report leaves the outbox when it is acknowledged, not before', async (t) => {
  const { outbox } = await open(t)
  await outbox.put(completed)

  const depths: number[] = []
  await outbox.flush(async () => void depths.push(await outbox.depth()))

  t.same(depths, [1])
  t.equal(await outbox.depth(), 0)
})

t.test('a report survives the process', async (t) => {
  const { outbox, dir } = await open(t)
  await outbox.put(completed)

  const sent = await sentBy(await reopen(dir))

  t.same(sent, [completed])
})

t.test('the final state takes the place of a Running that still waits', async (t) => {
  const { outbox } = await open(t)
  await outbox.put(running)
  await outbox.put(completed)

  t.same(await sentBy(outbox), [completed])
})

t.test('a job that ends while its Running is on the way still has its final state sent', async (t) => {
  const { outbox } = await open(t)
  await outbox.put(running)

  await outbox.flush(() => outbox.put(completed))

  t.same(await sentBy(outbox), [completed])
})

t.test('a job that ends while its Running fails to be sent is reported without waiting for the next try', async (t) => {
  const { outbox } = await open(t)
  await outbox.put(running)

  await outbox.flush(async () => {
    await outbox.put(completed)
    throw unreachable()
  })

  t.same(await sentBy(outbox), [completed])
})

t.test('an unreachable control plane is tried again after 2 s doubling to 5 min', async (t) => {
  const { outbox, clock } = await open(t)
  await outbox.put(completed)

  const waits: (number | null)[] = []
  for (let tries = 0; tries < 10; tries += 1) {
    const wait = await outbox.flush(() => Promise.reject(unreachable()))
    waits.push(wait)
    clock.advance(wait ?? 0)
  }

  t.same(
    waits.map((wait) => (wait ?? 0) / 1000),
    [2, 4, 8, 16, 32, 64, 128, 256, 300, 300],
  )
})

t.test('a Retry-After that is longer than the own wait is kept', async (t) => {
  const { outbox } = await open(t)
  await outbox.put(completed)

  t.equal(await outbox.flush(() => Promise.reject(unreachable({ retryAfterMs: 60_000 }))), 60_000)
})

t.test('a report that is still acceptable after seven days is still sent', async (t) => {
  const { outbox, clock } = await open(t)
  await outbox.put(completed)
  await outbox.flush(() => Promise.reject(unreachable()))
  clock.advance(7 * 86_400_000)

  t.same(await sentBy(outbox), [completed])
})

t.test('a refused report becomes a dead letter: kept, shown and not sent again', async (t) => {
  const { outbox } = await open(t)
  await outbox.put(completed)

  await outbox.flush(() => Promise.reject(refused(400, 'no such job')))

  t.same(await outbox.deadLetters(), [{ report: completed, refusal: '400 no such job' }])
  t.same(await sentBy(outbox), [])
})

t.test('a credential that is refused today keeps its reports', async (t) => {
  for (const status of [401, 403]) {
    const { outbox } = await open(t)
    await outbox.put(completed)

    await outbox.flush(() => Promise.reject(refused(status)))

    t.same(await outbox.deadLetters(), [])
    t.equal(await outbox.depth(), 1)
  }
})

t.test('a verification that is refused with 403 is held: it hides and holds up no other report', async (t) => {
  const { outbox, clock } = await open(t)
  const tried: Report[] = []
  const send = async (report: Report): Promise<void> => {
    tried.push(report)
    if (report.kind === 'verification') throw refused(403, '{"error":"Insufficient permissions"}')
  }
  await outbox.put(seen(1))
  await outbox.put(seen(2))
  await outbox.put(completed)

  const wait = await outbox.flush(send)
  await outbox.put(seen(3))
  await outbox.flush(send)

  t.same(tried, [seen(1), completed], 'of the refused kind one alone was sent')
  t.equal(wait, 6 * 3_600_000)
  t.equal(await outbox.depth(), 0)
  t.same(await outbox.deadLetters(), [])
  t.same(await outbox.held(), [{ kind: 'verification', count: 3, refusal: '403 {"error":"Insufficient permissions"}' }])
  clock.advance(6 * 3_600_000)
  await outbox.flush(send)
  t.same(tried.slice(2), [seen(1)], 'after six hours one is tried again')
})

t.test('what was held is sent when one of its kind is taken, after a start at the latest', async (t) => {
  const { outbox, dir } = await open(t)
  for (const job of [1, 2, 3]) await outbox.put(seen(job))
  await outbox.flush(() => Promise.reject(refused(403)))

  const again = await reopen(dir)
  const sent = [...(await sentBy(again)), ...(await sentBy(again))]

  t.same(sent, [seen(1), seen(2), seen(3)])
  t.same(await again.held(), [])
})

t.test('of what is held a hundred are kept, the newest', async (t) => {
  const { outbox, dir } = await open(t)
  await outbox.put(seen(0))
  await outbox.flush(() => Promise.reject(refused(403)))
  for (let job = 1; job <= 120; job += 1) await outbox.put(seen(job))

  t.match(await outbox.held(), [{ count: 100 }])

  const sent = await sentBy(await reopen(dir))
  t.same(sent[0], seen(21))
})

t.test('an outbox that is shared is only read', async (t) => {
  const { outbox, dir } = await open(t)
  await outbox.put(seen(1))
  await outbox.flush(() => Promise.reject(refused(403)))

  const shared = { path: join(dir, 'outbox'), deadPath: join(dir, 'dead'), clock: fakeClock(), isShared: true }

  t.match(await (await openOutbox(shared)).held(), [{ count: 1 }])
  t.same(await sentBy(outbox), [])
})

t.test('of dead letters two hundred are kept, the newest', async (t) => {
  const { outbox } = await open(t)
  for (let job = 1; job <= 210; job += 1) await outbox.put({ ...completed, jobId: `job-${job}` })

  await outbox.flush(() => Promise.reject(refused(400)))

  const dead = await outbox.deadLetters()
  t.equal(dead.length, 200)
  t.match(dead[0], { report: { jobId: 'job-11' } })
})

t.test(
  'a result that the server has an error for, while it takes others, is a dead letter after ten days',
  async (t) => {
    const { outbox, clock } = await open(t)
    const forgotten: Report = { ...completed, jobId: 'forgotten' }
    const broken = unreachable({ status: 500, answer: 'Failed to update job status', retryAfterMs: 86_400_000 })
    const send = async (report: Report): Promise<void> => {
      if (report.jobId === 'forgotten') throw broken
    }
    const day = async (): Promise<void> => {
      await outbox.flush(send)
      clock.advance(86_400_000)
    }

    await outbox.put(forgotten)
    for (let days = 0; days < 12; days += 1) await day()
    t.same(await outbox.deadLetters(), [], 'as long as no other is taken, all wait')
    await outbox.put(completed)
    await day()
    await day()

    t.same(await outbox.deadLetters(), [{ report: forgotten, refusal: '500 Failed to update job status' }])
  },
)

t.test('a torn report is set aside, and the others are sent', async (t) => {
  const { outbox, dir } = await open(t)
  await outbox.put(completed)
  await writeFile(join(dir, 'outbox', 'torn.json'), '{"v":1,"id":"to')

  t.same(await sentBy(outbox), [completed])
  t.same(await readdir(join(dir, 'outbox')), ['torn.json.aside'])
})

function seen(job: number): Report {
  const leaf = 'a'.repeat(64)
  const fingerprints = { expected: leaf, actual: leaf, verified: true }
  return { kind: 'verification', jobId: `job-${job}`, targetId: 'postfix', ...fingerprints }
}

async function open(t: Test): Promise<{ outbox: Outbox; dir: string; clock: ReturnType<typeof fakeClock> }> {
  const dir = t.testdir()
  const clock = fakeClock()
  return { dir, clock, outbox: await reopen(dir, clock) }
}

function reopen(dir: string, clock = fakeClock()): Promise<Outbox> {
  return openOutbox({ path: join(dir, 'outbox'), deadPath: join(dir, 'dead'), clock })
}

async function sentBy(outbox: Outbox): Promise<readonly Report[]> {
  const sent: Report[] = []
  await outbox.flush(async (report) => void sent.push(report))
  return sent
}

function unreachable(details: ErrorDetails = {}): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_UNREACHABLE', details)
}

function refused(status: number, answer = ''): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_REFUSED', { status, answer })
}
