import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Delivered } from '../../../src/documents/ask.ts'
import type { Report } from '../../../src/documents/report.ts'
import { openDocumentFolder } from '../../../src/host/file/folder/document-folder.ts'
import { type AnswerBox, openAnswerBox } from '../../../src/outbox/answer-box.ts'
import { waitingSchema } from '../../../src/outbox/outbox-schema.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const running: Report = { kind: 'status', jobId: 'job-1', status: 'Running' }
const completed: Report = { kind: 'status', jobId: 'job-1', status: 'Completed' }

t.test('a report waits until it was taken, over a restart; the final state takes the place of Running', async (t) => {
  const { box, reopen } = await open(t)
  await box.put(running)
  const [first] = box.list()
  await box.put(completed)

  await box.deliver([fateOf(first, 'taken')])

  const again = await reopen()
  t.match(again.list(), [{ id: 'job-1/status', refusal: null, report: completed }])
  const [last] = again.list()
  await again.deliver([fateOf(last, 'taken')])
  t.same(again.list(), [])
})

t.test('a refused report becomes a dead letter, of which the newest 200 are kept', async (t) => {
  const { box } = await open(t)
  for (let job = 0; job < 202; job += 1) await box.put({ ...completed, jobId: `job-${job}` })

  await box.deliver(box.list().map((one) => fateOf(one, 'refused', '422 no such job')))

  const letters = await box.deadLetters()
  t.equal(letters.length, 200)
  t.match(letters[0], { report: { jobId: 'job-2' }, refusal: '422 no such job' })
  t.equal(box.depth(), 0)
})

t.test('of a kind that is held the newest 100 are kept, until one of it is taken', async (t) => {
  const { box, reopen } = await open(t)
  const verification = {
    kind: 'verification',
    targetId: 't',
    expected: '',
    actual: '',
    verified: true,
  } as const
  for (let job = 0; job < 102; job += 1) await box.put({ ...verification, jobId: `job-${job}` })
  await box.put(completed)

  const held = box.list().filter(({ report }) => report.kind === 'verification')
  await box.deliver(held.map((one) => fateOf(one, 'held', '403 no right')))

  t.equal(box.depth(), 1)
  t.match(box.held(), [{ kind: 'verification', count: 100, refusal: '403 no right' }])
  const again = await reopen()
  const [oldest] = again.list().filter(({ refusal }) => refusal !== null)
  t.match(oldest, { id: 'job-2/verification', refusal: '403 no right' })
  await again.deliver([fateOf(oldest, 'taken')])
  t.same(again.held(), [])
  t.equal(again.depth(), 100)
})

t.test('the outbox of the version before is taken over, and can be taken back', async (t) => {
  const { dir, clock, reopen } = await open(t)
  const before = await openDocumentFolder<object>({ path: join(dir, 'outbox'), schema: waitingSchema })
  await before.put('job-1/status', { report: completed, attempts: 1, nextAt: clock.now() + 2000, since: clock.now() })
  const asBefore = {
    v: 1,
    id: 'old/status',
    since: 1,
    document: { report: { ...completed, jobId: 'old' }, attempts: 7, nextAt: 9 },
  }
  await mkdir(join(dir, 'outbox'), { recursive: true })
  await writeFile(
    join(dir, 'outbox', `~${createHash('sha256').update('old/status').digest('hex')}.json`),
    `${JSON.stringify(asBefore)}\n`,
    { mode: 0o600 },
  )

  const box = await reopen()

  t.same(
    box.list().map(({ id }) => id),
    ['old/status', 'job-1/status'],
  )
  await box.put({ ...completed, jobId: 'job-2' })
  const back = await openDocumentFolder<object>({ path: join(dir, 'outbox'), schema: schemaOfBefore })
  t.match(
    (await back.list()).map(({ document }) => document),
    [{ report: { jobId: 'old' } }, { report: { jobId: 'job-1' } }, { report: { jobId: 'job-2' } }],
  )
  t.same(back.setAside, [])
})

/** What version 0.1 asks of a report that waits. */
const schemaOfBefore = {
  type: 'object',
  required: ['report', 'attempts', 'nextAt'],
  properties: { attempts: { type: 'integer', minimum: 0 }, nextAt: { type: 'number' } },
}

t.test('what a command printed is in no report, whoever wrote it down', async (t) => {
  const { dir, clock, reopen } = await open(t)
  const outcome = {
    message: 'It failed. (command: reload; output: the secret (of root)) All was put back.',
    warnings: ['postfix takes the new files and warns: the secret'],
    steps: [{ name: 'check', start: '', ms: 1, commands: [{ command: ['reload'], output: 'the secret (of root)' }] }],
  }
  const report = { ...completed, status: 'Failed', error: outcome.message, outcome } as unknown as Report
  const before = await openDocumentFolder<object>({ path: join(dir, 'outbox'), schema: waitingSchema })
  await before.put('job-1/status', { report, attempts: 0, nextAt: clock.now() })
  const box = await reopen()
  await box.put({ ...report, jobId: 'job-2' })

  const told = box.list()

  t.equal(told.length, 2)
  t.notMatch(JSON.stringify(told), /secret/)
  t.match(told[1]?.report.error, /All was put back\.$/)
  t.notMatch(JSON.stringify(box.list()[1]), /secret/)
})

function fateOf(
  one: Pick<Delivered, 'id' | 'digest'> | undefined,
  fate: Delivered['fate'],
  refusal: string | null = null,
): Delivered {
  return { id: one?.id ?? '', digest: one?.digest ?? '', fate, refusal }
}

async function open(t: Test) {
  const dir = t.testdir()
  const clock = fakeClock()
  const reopen = (): Promise<AnswerBox> =>
    openAnswerBox({ path: join(dir, 'outbox'), deadPath: join(dir, 'dead'), clock })
  return { dir, clock, box: await reopen(), reopen }
}
