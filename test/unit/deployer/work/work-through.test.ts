import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Work, workThrough } from '../../../../src/deployer/work/work-through.ts'
import type { DeploymentJob, Job } from '../../../../src/documents/job.ts'
import type { Report } from '../../../../src/documents/report.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { type Inbox, openInbox } from '../../../../src/inbox/inbox.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

t.test('every job is run once, oldest first, and leaves the inbox when its result is written', async (t) => {
  const { work, inbox, reported, told } = await open(t)
  await inbox.accept(unsupported('1'))
  await inbox.accept(unsupported('2'))

  t.same(await workThrough(work), { done: 2, putOff: null })

  t.same(reported, ['1 Failed', '2 Failed'])
  t.same(told, [['1'], [], ['2'], []])
  t.same(await inbox.pending(), [])
})

t.test('a job whose result cannot be written is not run again: its result is written later', async (t) => {
  const { work, inbox, asked, reported, disk } = await open(t)
  await inbox.accept(deployment('1'))
  disk.isFull = true

  t.match(await workThrough(work), { done: 0, putOff: { code: 'SPOOL_FULL' } })
  t.match(await workThrough(work), { done: 0, putOff: { code: 'SPOOL_FULL' } })
  disk.isFull = false
  t.match(await workThrough(work), { done: 1, putOff: null })

  t.same(asked, ['mc-1'])
  t.same(reported, ['1 Failed'])
  t.same(await inbox.pending(), [])
  t.equal(work.unsaved.size, 0)
})

t.test('a job that cannot be written down as finished is not reported again', async (t) => {
  const { work, inbox, reported } = await open(t)
  await inbox.accept(deployment('1'))
  const stuck: Inbox = { ...inbox, finish: () => Promise.reject(new Error('EIO')) }

  t.match(await workThrough({ ...work, inbox: stuck }), { done: 0, putOff: { code: 'INTERNAL' } })
  t.match(await workThrough({ ...work, inbox: stuck }), { done: 0, putOff: { code: 'INTERNAL' } })
  t.match(await workThrough(work), { done: 1, putOff: null })

  t.same(reported, ['1 Failed'])
})

t.test('a job that was cut off twice fails as interrupted, and is not begun again', async (t) => {
  const { work, inbox, asked, reported, errors } = await open(t)
  await inbox.accept(deployment('1'))
  await inbox.begin('1')
  await inbox.begin('1')

  t.match(await workThrough(work), { done: 1 })

  t.same(asked, [])
  t.same(reported, ['1 Failed'])
  t.match(errors[0], /^INTERRUPTED: /)
})

t.test('no deployment overtakes an older one that was cut off, and that one is run alone', async (t) => {
  const { work, inbox, told } = await open(t)
  for (const id of ['1', '2', '3', '4', '5']) await inbox.accept(id === '2' ? unsupported(id) : deployment(id))
  await inbox.begin('4')

  await workThrough(work)

  t.same(
    told.filter((ids) => ids.length > 0),
    [['1', '3'], ['2'], ['4'], ['5']],
  )
})

t.test('no deployment overtakes a job that goes back to an older pair', async (t) => {
  const { work, inbox, told } = await open(t)
  const takeBack: Job = { kind: 'take-back', id: '2', certificateId: 'mc-1', targetId: 't-1', generation: 1 }
  for (const job of [deployment('1'), takeBack, deployment('3')]) await inbox.accept(job)

  await workThrough(work)

  t.same(
    told.filter((ids) => ids.length > 0),
    [['1'], ['2'], ['3']],
  )
})

t.test('no deployment overtakes a renewal by this host itself', async (t) => {
  const { work, inbox, told } = await open(t)
  const [replaces, ids] = ['a'.repeat(64), { id: '2', certificateId: '2', targetId: 't-1' }]
  const own: Job = { kind: 'own-renewal', ...ids, replaces, certificatePem: '' }
  const engine = { records: { get: async () => null } } as unknown as Work['workshop']['engine']
  for (const job of [deployment('1'), own, deployment('3')]) await inbox.accept(job)

  await workThrough({ ...work, workshop: { ...work.workshop, engine: { ...work.workshop.engine, ...engine } } })

  t.same(
    told.filter((ids) => ids.length > 0),
    [['1'], ['2'], ['3']],
  )
})

t.test('when the stop comes no further job of those that wait together is begun', async (t) => {
  const { work, inbox } = await open(t)
  const stop = new AbortController()
  const begun: string[] = []
  for (const id of ['1', '2', '3']) await inbox.accept(deployment(id))
  const workshop = {
    ...work.workshop,
    obtained: { list: async () => [] },
    certificatesOf: async (jobs: readonly DeploymentJob[]) => new Map(jobs.map(({ id }) => [id, 'none'])),
    engine: { turns: { take: async () => {} }, policy: { orders: null } } as unknown as Work['workshop']['engine'],
    onBegin: async (id: string) => {
      begun.push(id)
      stop.abort()
    },
  }

  await workThrough({ ...work, workshop, signal: stop.signal })

  t.same(begun, ['1'])
  t.same(
    (await inbox.pending()).map(({ job, tries }) => `${job.id}: ${tries} tries`),
    ['1: 0 tries', '2: 0 tries', '3: 0 tries'],
  )
})

t.test('a job that can be tried later is put off and stays; the next one is run', async (t) => {
  const { work, inbox, reported, refusals, putOff } = await open(t)
  await inbox.accept(deployment('1'))
  await inbox.accept(unsupported('2'))
  refusals.push(new WaxsealError('CONTROL_PLANE_UNREACHABLE'))

  t.match(await workThrough(work), { done: 1, putOff: { code: 'CONTROL_PLANE_UNREACHABLE' } })

  t.same(reported, ['2 Failed'])
  t.same(putOff, ['1'])
  t.match(await inbox.pending(), [{ job: { id: '1' }, tries: 0 }])
})

t.test('after the stop no job is begun', async (t) => {
  const { work, inbox, reported } = await open(t)
  await inbox.accept(unsupported('1'))

  t.same(await workThrough({ ...work, signal: AbortSignal.abort() }), { done: 0, putOff: null })

  t.same(reported, [])
})

interface Opened {
  readonly work: Work
  readonly inbox: Inbox
  readonly reported: string[]
  readonly errors: string[]
  /** The certificates that were asked for: one for each run of a job. */
  readonly asked: string[]
  /** Why a certificate cannot be had, before it is one that is none. */
  readonly refusals: WaxsealError[]
  readonly told: (readonly string[])[]
  readonly putOff: string[]
  readonly disk: { isFull: boolean }
}

/** A real inbox; the outbox and the certificates are made up. */
async function open(t: Test): Promise<Opened> {
  const inbox = await openInbox(join(t.testdir(), 'inbox'), fakeClock())
  const [reported, errors, asked, told, putOff]: [string[], string[], string[], (readonly string[])[], string[]] = [
    [],
    [],
    [],
    [],
    [],
  ]
  const refusals: WaxsealError[] = []
  const disk = { isFull: false }
  const report = async (reports: readonly Report[]): Promise<void> => {
    if (disk.isFull) throw new WaxsealError('SPOOL_FULL')
    for (const one of reports) {
      reported.push(`${one.jobId} ${one.kind === 'status' ? one.status : one.kind}`)
      errors.push(one.error ?? '')
    }
  }
  const certificatesOf = async (jobs: readonly DeploymentJob[]): Promise<ReadonlyMap<string, Error>> =>
    new Map(
      jobs.map(({ id, certificateId }) => {
        asked.push(certificateId)
        return [id, refusals.shift() ?? new WaxsealError('MATERIAL_INVALID')]
      }),
    )
  const work = {
    inbox,
    report,
    workshop: { certificatesOf } as unknown as Work['workshop'],
    onJobs: (ids: readonly string[]) => void told.push(ids),
    onPutOff: (id: string) => void putOff.push(id),
    signal: new AbortController().signal,
    unsaved: new Map<string, readonly Report[]>(),
  }
  return { work, inbox, reported, errors, asked, refusals, told, putOff, disk }
}

function deployment(id: string): Job {
  return { kind: 'deployment', id, certificateId: 'mc-1', targetId: 't-1', targetType: 'Postfix', targetConfig: {} }
}

function unsupported(id: string): Job {
  return { kind: 'unsupported', id, certificateId: 'mc-2', type: 'Fax', reason: 'nobody does' }
}
