import t from 'tap'
import { Deliveries } from '../../../src/courier/deliveries.ts'
import { openProgress } from '../../../src/courier/progress.ts'
import { Reporter } from '../../../src/courier/reporter.ts'
import type { Ask } from '../../../src/documents/ask.ts'
import type { Report } from '../../../src/documents/report.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
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

t.test('a status and a verification each go by their own call, and the deployer is told', async (t) => {
  const { reporter, sent, asks } = open([completed, seen])

  t.equal(await reporter.flush(), null)

  const { kind: _, jobId: __, ...verification } = seen
  t.same(sent, [
    ['job-1', { status: 'Completed' }],
    ['job-1', verification],
  ])
  t.match(asks, [{ ask: 'delivered', reports: [{ fate: 'taken' }, { fate: 'taken' }], requests: [] }])
})

t.test('a deployer that cannot be told is told after five seconds', async (t) => {
  const { reporter, asks, clock, deployer } = open([completed])
  const stop = new AbortController()
  deployer.isUp = false
  clock.onSleep = async () => {
    if (asks.length > 0) stop.abort()
    deployer.isUp = true
  }

  await reporter.run(stop.signal)

  t.same(clock.sleeps, [5000, 300_000])
  t.match(asks, [{ ask: 'delivered', reports: [{ fate: 'taken' }] }])
})

t.test('that verifications are refused is said once, and what the jobs came to is reported', async (t) => {
  const reports = [seen, completed, { ...seen, jobId: 'job-2' }, { ...completed, jobId: 'job-2' }]
  const { reporter, sent, warnings } = open(reports, 'refuses verifications')

  await reporter.flush()
  await reporter.flush()

  t.same(
    sent.map(([job]) => job),
    ['job-1', 'job-2'],
  )
  t.match(warnings, [/takes no verification reports.*403.*verification\.run/])
})

/** A reporter of these reports, whose control plane keeps what it is told. */
function open(reports: readonly Report[], plane: 'up' | 'refuses verifications' = 'up') {
  const fake = fakeClock()
  const clock = Object.assign(fake, { onSleep: async () => {} })
  const { sleep } = fake
  clock.sleep = async (ms, signal) => {
    await sleep(ms, signal)
    await clock.onSleep()
  }
  const deliveries = new Deliveries(clock)
  deliveries.learn(
    reports.map((report, index) => ({
      id: `${report.jobId}/${report.kind}`,
      digest: String(index).repeat(64),
      since: index,
      refusal: null,
      report,
    })),
  )
  const asks: Ask[] = []
  const deployer = {
    isUp: true,
    ask: async (ask: Ask) => {
      if (!deployer.isUp) throw new WaxsealError('DEPLOYER_UNREACHABLE')
      asks.push(ask)
      return {} as never
    },
  }
  const sent: [string, object][] = []
  const warnings: string[] = []
  const reporter = new Reporter({
    deliveries,
    deployer,
    clock,
    progress: openProgress(),
    log: { info: () => {}, warn: (_: unknown, text?: string) => void warnings.push(String(text)) },
    controlPlane: {
      reportStatus: async (jobId, report) => void sent.push([jobId, report]),
      reportRenewed: async () => {},
      reportVerification: async (jobId, report) => {
        if (plane === 'refuses verifications') throw new WaxsealError('CONTROL_PLANE_REFUSED', { status: 403 })
        sent.push([jobId, report])
      },
    },
  })
  return { reporter, sent, asks, clock, warnings, deployer }
}
