import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openProgress } from '../../../src/courier/progress.ts'
import { Reporter } from '../../../src/courier/reporter.ts'
import type { Report } from '../../../src/documents/report.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { openOutbox } from '../../../src/outbox/outbox.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const completed: Report = { kind: 'status', jobId: 'job-1', status: 'Completed' }
const seen = {
  kind: 'verification',
  jobId: 'job-1',
  targetId: 'postfix',
  expected: 'a'.repeat(64),
  actual: 'a'.repeat(64),
  verified: true,
} as const satisfies Report

t.test('a status and a verification each go by their own call', async (t) => {
  const { reporter, sent } = await open(t, [completed, seen])

  t.equal(await reporter.flush(), null)

  const { kind: _, jobId: __, ...verification } = seen
  t.same(sent, [
    ['job-1', { status: 'Completed' }],
    ['job-1', verification],
  ])
})

t.test('a result is still sent after the outbox could not be read', async (t) => {
  const { reporter, sent, dir, clock } = await open(t, [completed])
  const stop = new AbortController()
  await rename(join(dir, 'outbox'), join(dir, 'elsewhere'))
  clock.onSleep = async () => {
    if (sent.length > 0) stop.abort()
    else await rename(join(dir, 'elsewhere'), join(dir, 'outbox'))
  }

  await reporter.run(stop.signal)

  t.same(clock.sleeps, [5000, 300_000])
  t.same(sent, [['job-1', { status: 'Completed' }]])
})

t.test('what cannot be put off for want of a disk is tried again, and holds up no other report', async (t) => {
  const { reporter, tried, dir } = await open(t, [completed, { ...completed, jobId: 'job-2' }], 'unreachable')
  const beforeAnyWrite = join(dir, 'outbox')
  tried.onFirst = async () => {
    await rename(beforeAnyWrite, join(dir, 'elsewhere'))
    await writeFile(beforeAnyWrite, '')
  }

  t.equal(await reporter.flush(), 5000)
  t.same(tried.jobs, ['job-1', 'job-2'])
})

t.test('that verifications are refused is said once, and what the jobs came to is reported', async (t) => {
  const reports = [seen, completed, { ...seen, jobId: 'job-2' }, { ...completed, jobId: 'job-2' }]
  const { reporter, sent, warnings } = await open(t, reports, 'refuses verifications')

  await reporter.flush()
  await reporter.flush()

  t.same(
    sent.map(([job]) => job),
    ['job-1', 'job-2'],
  )
  t.match(warnings, [/takes no verification reports.*403.*verification\.run/])
})

interface Opened {
  readonly reporter: Reporter
  readonly dir: string
  readonly sent: readonly (readonly [string, object])[]
  readonly tried: { readonly jobs: readonly string[]; onFirst: () => Promise<void> }
  readonly clock: ReturnType<typeof fakeClock> & { onSleep: () => Promise<void> }
  readonly warnings: readonly string[]
}

/** A reporter of these reports, whose control plane keeps what it is told. */
async function open(
  t: Test,
  reports: readonly Report[],
  plane: 'up' | 'unreachable' | 'refuses verifications' = 'up',
): Promise<Opened> {
  const dir = t.testdir()
  const fake = fakeClock()
  const clock = Object.assign(fake, { onSleep: async () => {} })
  const { sleep } = fake
  clock.sleep = async (ms, signal) => {
    await sleep(ms, signal)
    await clock.onSleep()
  }
  const outbox = await openOutbox({ path: join(dir, 'outbox'), deadPath: join(dir, 'dead'), clock })
  for (const report of reports) await outbox.put(report)
  const sent: [string, object][] = []
  const jobs: string[] = []
  const tried = { jobs, onFirst: async () => {} }
  const take = async (jobId: string, report: object): Promise<void> => {
    if (jobs.push(jobId) === 1) await tried.onFirst()
    if (plane === 'unreachable') throw new WaxsealError('CONTROL_PLANE_UNREACHABLE')
    sent.push([jobId, report])
  }
  const warnings: string[] = []
  const log = { info: () => {}, warn: (_: unknown, text?: string) => void warnings.push(String(text)) }
  const verify = async (jobId: string, report: object): Promise<void> => {
    if (plane === 'refuses verifications') throw new WaxsealError('CONTROL_PLANE_REFUSED', { status: 403 })
    await take(jobId, report)
  }
  const reporter = new Reporter({
    outbox,
    clock,
    progress: openProgress(),
    log,
    controlPlane: { reportStatus: take, reportVerification: verify },
  })
  return { reporter, dir, sent, tried, clock, warnings }
}
