import { access } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openSpool, type Spool } from '../../../../src/deployer/work/spool.ts'
import type { Job } from '../../../../src/documents/job.ts'
import type { Report } from '../../../../src/documents/report.ts'
import { openReserve, type Reserve } from '../../../../src/host/file/reserve.ts'
import { type Inbox, openInbox } from '../../../../src/inbox/inbox.ts'
import { type Outbox, openOutbox } from '../../../../src/outbox/outbox.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const completed: Report = { kind: 'status', jobId: 'job-1', status: 'Completed' }

t.test('jobs are in the inbox when they are accepted; one that comes again is not new', async (t) => {
  const { spool, inbox } = await openParts(t)

  t.equal(await spool.accept([job('1'), job('2')]), 2)
  t.equal(await spool.accept([job('2')]), 0)

  t.same(await idsIn(inbox), ['1', '2'])
})

t.test('where the disk is full the reserve is given back, and the job is written all the same', async (t) => {
  const { spool, inbox, hasReserve, disk } = await openParts(t)
  await spool.requireRoom()
  disk.failures = 1

  t.equal(await spool.accept([job('1')]), 1)

  t.same(await idsIn(inbox), ['1'])
  t.equal(await hasReserve(), false)
})

t.test('jobs that cannot be written even so are kept in memory, and written later, in order', async (t) => {
  const { spool, inbox, disk } = await openParts(t)
  disk.failures = Number.POSITIVE_INFINITY
  t.equal(await spool.accept([job('1'), job('2')]), 0)
  t.equal(await spool.catchUp(), 0)
  t.same(await idsIn(inbox), [])

  disk.failures = 0

  t.equal(await spool.catchUp(), 2)
  t.same(await idsIn(inbox), ['1', '2'])
  t.equal(await spool.catchUp(), 0)
})

t.test('while a job is in memory only, no new work is taken', async (t) => {
  const { spool, disk } = await openParts(t)
  disk.failures = Number.POSITIVE_INFINITY
  await spool.accept([job('1')])

  await t.rejects(spool.requireRoom(), { code: 'SPOOL_FULL', details: { reason: /1 jobs/ } })

  disk.failures = 0
  await spool.catchUp()
  await t.resolves(spool.requireRoom())
})

t.test('a disk without room for the reserve takes no new work', async (t) => {
  const { spool } = await openParts(t, {
    reserve: { ensure: () => Promise.reject(full()), release: async () => {} },
  })

  await t.rejects(spool.requireRoom(), { code: 'SPOOL_FULL' })
})

t.test('an inbox of 1000 jobs and an outbox of 10000 results take no new work, and every result', async (t) => {
  const parts = await openParts(t)
  const crowded: Inbox = { ...parts.inbox, pending: async () => Array.from({ length: 1000 }, waiting) }
  const deep: Outbox = {
    put: (report) => parts.outbox.put(report),
    flush: (send) => parts.outbox.flush(send),
    held: () => parts.outbox.held(),
    deadLetters: () => parts.outbox.deadLetters(),
    depth: async () => 10_000,
  }

  for (const spool of [openSpool({ ...parts, inbox: crowded }), openSpool({ ...parts, outbox: deep })]) {
    await t.rejects(spool.requireRoom(), { code: 'SPOOL_FULL', details: { reason: /1000/ } })
    await t.resolves(spool.report([completed]))
  }
  t.equal(await parts.outbox.depth(), 1)
})

t.test('a result goes into the room of the reserve', async (t) => {
  const { spool, outbox, hasReserve, disk } = await openParts(t)
  await spool.requireRoom()
  disk.failures = 1

  await spool.report([completed])

  t.equal(await outbox.depth(), 1)
  t.equal(await hasReserve(), false)
})

t.test('a result that no disk takes is the caller’s to keep: SPOOL_FULL', async (t) => {
  const { spool, outbox, disk } = await openParts(t)
  disk.failures = Number.POSITIVE_INFINITY

  await t.rejects(spool.report([completed]), { code: 'SPOOL_FULL', details: { reason: /ENOSPC/ } })
  await t.rejects(spool.begin('job-1'), { code: 'SPOOL_FULL' })

  t.equal(await outbox.depth(), 0)
})

t.test('an answer to a job that is written down nowhere is kept in memory until a disk takes it', async (t) => {
  const { spool, outbox, disk } = await openParts(t)
  disk.failures = Number.POSITIVE_INFINITY
  await spool.answer([completed])
  await t.rejects(spool.requireRoom(), { code: 'SPOOL_FULL' })

  disk.failures = 0
  await spool.catchUp()

  t.equal(await outbox.depth(), 1)
  await t.resolves(spool.requireRoom())
})

t.test('a job that can never be written down fails, and those behind it are accepted', async (t) => {
  const { spool, inbox, outbox } = await openParts(t)
  const large = { ...job('large'), targetConfig: { note: 'x'.repeat(1024 * 1024) } }

  t.equal(await spool.accept([large, job('2')]), 1)

  t.same(await idsIn(inbox), ['2'])
  const sent: Report[] = []
  await outbox.flush(async (report) => void sent.push(report))
  t.match(sent, [{ jobId: 'large', status: 'Failed', error: /^JOB_MALFORMED: .*larger/ }])
})

t.test('an error that is none of the disk is not taken for a full one', async (t) => {
  const parts = await openParts(t)
  const spool = openSpool({ ...parts, inbox: { ...parts.inbox, begin: () => Promise.reject(new Error('a bug')) } })

  await t.rejects(spool.begin('job-1'), { message: 'a bug' })
})

interface Parts {
  readonly spool: Spool
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly reserve: Reserve
  /** How many of the next writes find no room. */
  readonly disk: { failures: number }
  hasReserve(): Promise<boolean>
}

/** A spool on a real folder; only that the disk is full is made up, at the writes themselves. */
async function openParts(t: Test, changes: { readonly reserve?: Reserve } = {}): Promise<Parts> {
  const dir = t.testdir()
  const clock = fakeClock()
  const disk = { failures: 0 }
  const written = async <T>(write: () => Promise<T>): Promise<T> => {
    if (disk.failures === 0) return write()
    disk.failures -= 1
    throw full()
  }
  const real = await openInbox(join(dir, 'inbox'), clock)
  const outbox = await openOutbox({ path: join(dir, 'outbox'), deadPath: join(dir, 'dead'), clock })
  const parts = {
    inbox: {
      ...real,
      accept: (one: Job) => written(() => real.accept(one)),
      begin: (id: string) => written(() => real.begin(id)),
    },
    outbox: {
      put: (report: Report) => written(() => outbox.put(report)),
      flush: (send: (report: Report) => Promise<void>) => outbox.flush(send),
      depth: () => outbox.depth(),
      held: () => outbox.held(),
      deadLetters: () => outbox.deadLetters(),
    },
    reserve: changes.reserve ?? openReserve(join(dir, 'reserve')),
  }
  const hasReserve = (): Promise<boolean> =>
    access(join(dir, 'reserve')).then(
      () => true,
      () => false,
    )
  return { ...parts, spool: openSpool(parts), disk, hasReserve }
}

function job(id: string) {
  return {
    kind: 'deployment',
    id,
    certificateId: 'mc-1',
    targetId: 't-1',
    targetType: 'Postfix',
    targetConfig: {},
  } as const
}

function waiting() {
  return { job: job('1'), tries: 0, finishedAt: null }
}

async function idsIn(inbox: Inbox): Promise<readonly string[]> {
  return (await inbox.pending()).map((claimed) => claimed.job.id)
}

function full(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
}
