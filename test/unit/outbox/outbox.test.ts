import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ErrorDetails, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { type Outbox, openOutbox, type Report } from '../../../src/outbox/outbox.ts'
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

t.test('a torn report is set aside, and the others are sent', async (t) => {
  const { outbox, dir } = await open(t)
  await outbox.put(completed)
  await writeFile(join(dir, 'outbox', 'torn.json'), '{"v":1,"id":"to')

  t.same(await sentBy(outbox), [completed])
  t.same(await readdir(join(dir, 'outbox')), ['torn.json.aside'])
})

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
