import { join } from 'node:path'
import t, { type Test } from 'tap'
import { JobStore, openArrivedCertificates } from '../../../../src/deployer/work/job-store.ts'
import type { DeploymentJob } from '../../../../src/documents/job.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { openReserve } from '../../../../src/host/file/write/reserve.ts'
import { type Inbox, openInbox } from '../../../../src/inbox/inbox.ts'
import { limits } from '../../../../src/limit/limits.ts'
import { openAnswerBox } from '../../../../src/outbox/answer-box.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

t.test('a job is durable when it was taken, and so is its certificate', async (t) => {
  const { store, reopen } = await open(t)

  t.equal(await store.take([job('1'), job('2')]), 2)
  await store.certify('mc-1', 'pem')
  t.equal(await store.take([job('2'), job('3')]), 1)
  const again = await reopen()

  t.same(idsIn(again), ['1', '2', '3'])
  t.same(again.wanted(), ['mc-1'], 'a job that came later may want a newer version')
  t.equal(await again.certificateOf('1'), 'pem')
  t.equal(again.isCertified('3'), false)
})

t.test('the certificate of a job that is done goes, at once or with the next start', async (t) => {
  const { store, reopen, certificates } = await open(t)
  await store.take([job('1'), job('2')])
  await store.certify('mc-1', 'pem')

  await store.finish('1')
  await certificates.put('gone', { pem: 'x' })
  await reopen()

  t.same(
    (await certificates.list()).map(({ id }) => id),
    ['2'],
  )
})

t.test('what was claimed by the version before is taken over, with its tries', async (t) => {
  const { inbox, reopen } = await open(t)
  await inbox.accept(job('1'))
  await inbox.begin('1')

  const store = await reopen()

  t.match(store.pending(), [{ job: { id: '1' }, tries: 1 }])
  t.same(store.wanted(), ['mc-1'])
})

t.test('a job that was not begun is cancelled: that is reported, and it never begins', async (t) => {
  const { store, reopen, answers } = await open(t)
  await store.take([job('1'), job('2')])

  await store.cancel(['1', 'unknown'])

  t.same(idsIn(store), ['2'])
  t.match(
    answers.list().map(({ report }) => report),
    [{ jobId: '1', status: 'Cancelled' }],
  )
  await t.rejects(store.begin('1', [{ kind: 'status', jobId: '1', status: 'Running' }]), { code: 'JOB_CANCELLED' })
  await store.end('1', [{ kind: 'status', jobId: '1', status: 'Failed', error: 'late' }])
  t.match(
    answers.list().map(({ report }) => report),
    [{ jobId: '1', status: 'Cancelled' }],
    'it has had its last word',
  )
  t.equal(await (await reopen()).take([job('1')]), 0, 'it does not come again')
})

t.test('a job that has begun goes on to its end, whoever cancels it', async (t) => {
  const { store, answers } = await open(t)
  await store.take([job('1'), job('2')])
  await store.begin('1', [{ kind: 'status', jobId: '1', status: 'Running' }])
  t.same(store.unbegun(), ['2'])

  await store.cancel(['1'])

  t.same(idsIn(store), ['1', '2'])
  t.match(
    answers.list().map(({ report }) => report),
    [{ jobId: '1', status: 'Running' }],
  )
})

t.test('jobs begin side by side, and of one that is cancelled meanwhile either comes to pass', async (t) => {
  const { inbox, ...parts } = await open(t)
  const entered = new Set<string>()
  let all = (): void => {}
  const both = new Promise<void>((resolve) => {
    all = resolve
  })
  const begin: Inbox['begin'] = async (id) => {
    entered.add(id)
    if (entered.size === 2) all()
    // One after the other, none would come further.
    await both
    await inbox.begin(id)
  }
  const store = await JobStore.open({ ...parts, inbox: { ...inbox, begin } }, () => {})
  await store.take([job('1'), job('2')])

  const beginning = [store.begin('1'), store.begin('2')]
  const cancelling = store.cancel(['1'])
  await Promise.all([...beginning, cancelling])

  t.notOk(store.isCancelled('1'), 'its beginning came first')
  t.same(
    store.pending().map(({ tries }) => tries),
    [1, 1],
  )
})

t.test('on a full disk nothing is acknowledged, and the same can be asked again', async (t) => {
  const { store, disk } = await open(t)
  disk.isFull = true

  await t.rejects(store.take([job('1'), job('2')]), { code: 'SPOOL_FULL' })
  t.same(idsIn(store), [])
  disk.isFull = false

  t.equal(await store.take([job('1'), job('2')]), 2)
})

t.test('beyond a thousand jobs none is taken; one that is there already is no new one', async (t) => {
  const { store } = await open(t)
  await store.take(Array.from({ length: 1000 }, (_, index) => job(`${index}`)))

  t.match(await store.full(), /1000 jobs are waiting/)
  await t.rejects(store.take([job('new')]), { code: 'SPOOL_FULL' })
  t.equal(await store.take([job('7')]), 0)
})

t.test(
  'of jobs that come at once only those are taken that there is room for, and the others when there is',
  async (t) => {
    const { store, reopen, told } = await open(t)
    const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `${from + index}`)
    await store.take(ids(0, 999).map(job))
    const jobs = ids(900, 1900).map(job)
    const before = told.count

    await t.rejects(store.take(jobs), { code: 'SPOOL_FULL', details: { reason: /1000 jobs are waiting/ } })

    t.same(idsIn(store), ids(0, 1000))
    t.ok(told.count > before, 'that one more is there is told')
    t.same(idsIn(await reopen()).length, 1000)
    await store.finish('0')
    await store.finish('1')
    await t.rejects(store.take(jobs), { code: 'SPOOL_FULL' })
    t.same(idsIn(store), ids(2, 1002), 'oldest first')
  },
)

t.test('a chain of no sensible length, and a withheld certificate, fail the jobs that wait', async (t) => {
  const { store, answers } = await open(t)
  await store.take([job('1'), { ...job('2'), certificateId: 'mc-2' }])

  await store.certify('mc-1', 'x'.repeat(limits.certificatePem.most + 1))
  await store.withhold('mc-2', new WaxsealError('CONTROL_PLANE_REFUSED', { status: 404 }))

  t.same(idsIn(store), [])
  t.match(
    answers.list().map(({ report }) => report.error),
    [/^MATERIAL_INVALID/, /^CONTROL_PLANE_REFUSED.*404/],
  )
})

function job(id: string): DeploymentJob {
  return { kind: 'deployment', id, certificateId: 'mc-1', targetId: 't-1', targetType: 'Postfix', targetConfig: {} }
}

function idsIn(store: JobStore): readonly string[] {
  return store.pending().map((claimed) => claimed.job.id)
}

async function open(t: Test) {
  const dir = t.testdir()
  const clock = fakeClock()
  const disk = { isFull: false }
  const openParts = async () => {
    const inbox = await openInbox(join(dir, 'inbox'), clock)
    const accept: Inbox['accept'] = async (one) => {
      if (disk.isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      return inbox.accept(one)
    }
    const answers = await openAnswerBox({ path: join(dir, 'outbox'), deadPath: join(dir, 'dead'), clock })
    const certificates = await openArrivedCertificates(join(dir, 'certificates'))
    return { inbox: { ...inbox, accept }, answers, certificates, reserve: openReserve(join(dir, 'reserve')) }
  }
  const told = { count: 0 }
  const onChange = (): void => {
    told.count += 1
  }
  const reopen = async (): Promise<JobStore> => JobStore.open(await openParts(), onChange)
  const parts = await openParts()
  return { ...parts, disk, told, reopen, store: await JobStore.open(parts, onChange) }
}
