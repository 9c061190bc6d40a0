import t from 'tap'
import { type KnownOfJobs, waitingJobs } from '../../../../src/deployer/work/waiting-jobs.ts'
import type { Job } from '../../../../src/documents/job.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'

const about = { targetId: 'target-1', targetType: 'Postfix', targetConfig: {} } as const
const known: KnownOfJobs = {
  running: [],
  isCertified: () => false,
  isOffered: () => false,
  putOff: () => null,
  nextTry: () => null,
}

t.test('each job that is not being done says what it waits for', (t) => {
  const issuance = { kind: 'issuance', commonName: 'mail.example.net', sans: [] } as const
  const jobs: readonly Job[] = [
    { ...ids('running'), kind: 'deployment', ...about },
    { ...ids('certificate'), kind: 'deployment', ...about, targetName: 'mx1' },
    { ...ids('certified'), kind: 'deployment', ...about },
    { ...ids('new'), ...issuance },
    { ...ids('offered'), ...issuance },
    { ...ids('check'), kind: 'validation', targetId: 'target-1' },
  ]

  const waiting = waitingJobs(jobs.map(claimed), {
    ...known,
    running: ['running'],
    isCertified: (id) => id === 'certified',
    isOffered: (id) => id === 'offered',
  })

  t.same(
    waiting.map(({ job, name, waitsFor, code, nextTry }) => [job, name, waitsFor, code, nextTry]),
    [
      ['certificate', 'mx1', 'certificate', null, null],
      ['certified', 'target-1', 'turn', null, null],
      ['new', 'mail.example.net', 'turn', null, null],
      ['offered', 'mail.example.net', 'control-plane', null, null],
      ['check', 'target-1', 'turn', null, null],
    ],
  )
  t.end()
})

t.test('one that was put off says why, and when its kind is tried again', (t) => {
  const job: Job = { ...ids('1'), kind: 'deployment', ...about }
  const error = new WaxsealError('LIMIT_EXCEEDED', { limit: 'reloadsPerHour' })
  const isDeployment = (kind: Job['kind']): number | null => (kind === 'deployment' ? Date.UTC(2026, 0, 1) : null)

  const [waiting] = waitingJobs([claimed(job)], { ...known, putOff: () => error, nextTry: isDeployment })

  t.match(waiting, { waitsFor: 'try', code: 'LIMIT_EXCEEDED', nextTry: '2026-01-01T00:00:00.000Z' })
  t.match(waiting?.reason, 'reloadsPerHour')
  t.end()
})

t.test('of many the oldest hundred are told', (t) => {
  const jobs = Array.from({ length: 150 }, (_, index) => claimed({ ...ids(`${index}`), kind: 'validation', ...about }))

  const waiting = waitingJobs(jobs, known)

  t.equal(waiting.length, 100)
  t.equal(waiting.at(-1)?.job, '99')
  t.end()
})

function ids(id: string): { readonly id: string; readonly certificateId: string } {
  return { id, certificateId: `mc-${id}` }
}

function claimed(job: Job) {
  return { job, tries: 0, finishedAt: null }
}
