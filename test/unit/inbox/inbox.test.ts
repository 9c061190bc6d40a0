import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DeploymentJob, IssuanceJob, UnsupportedJob } from '../../../src/documents/job.ts'
import { type Inbox, openInbox } from '../../../src/inbox/inbox.ts'
import { limits } from '../../../src/limit/limits.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const dayMs = 86_400_000
const deployment: DeploymentJob = {
  kind: 'deployment',
  id: 'job-1',
  certificateId: 'certificate-1',
  targetId: 'target-1',
  targetType: 'Postfix',
  targetConfig: { mode: 'postfix' },
}
const issuance: IssuanceJob = {
  kind: 'issuance',
  id: 'job-2',
  certificateId: 'certificate-1',
  commonName: 'mail.example.net',
  sans: [],
}
const unsupported: UnsupportedJob = {
  kind: 'unsupported',
  id: 'job-3',
  certificateId: 'certificate-1',
  type: 'Validation',
  reason: 'no such type',
}

t.test('of finished jobs a bounded number is remembered, the newest, and none that waits is lost', async (t) => {
  const path = join(t.testdir(), 'inbox')
  const inbox = await openInbox(path, fakeClock())
  await inbox.accept(deployment)
  for (let index = 0; index < limits.jobsRemembered.most + 20; index += 1) {
    await inbox.accept({ ...unsupported, id: `flood-${index}` })
    await inbox.finish(`flood-${index}`)
  }

  t.match(await inbox.pending(), [{ job: { id: deployment.id } }])

  t.equal((await readdir(path)).length, limits.jobsRemembered.most + 1)
  t.equal(await inbox.accept({ ...unsupported, id: 'flood-0' }), 'new')
  t.equal(await inbox.accept({ ...unsupported, id: `flood-${limits.jobsRemembered.most}` }), 'known')
})

t.test('an accepted job survives the process, oldest first', async (t) => {
  const { inbox, path } = await open(t)
  for (const job of [issuance, deployment, unsupported]) t.equal(await inbox.accept(job), 'new')

  const claimed = await (await openInbox(path, fakeClock())).pending()

  t.same(
    claimed,
    [issuance, deployment, unsupported].map((job) => ({ job, tries: 0, finishedAt: null })),
  )
})

t.test('a second arrival of one id is the same job, which stays as it was', async (t) => {
  const { inbox } = await open(t)
  await inbox.accept(deployment)
  await inbox.begin('job-1')

  t.equal(await inbox.accept({ ...deployment, targetId: 'target-2' }), 'known')
  t.same(await inbox.pending(), [{ job: deployment, tries: 1, finishedAt: null }])
})

t.test('tries are counted durably', async (t) => {
  const { inbox, path } = await open(t)
  await inbox.accept(deployment)

  await inbox.begin('job-1')
  await (await openInbox(path, fakeClock())).begin('job-1')

  t.match(await inbox.pending(), [{ tries: 2 }])
})

t.test('a finished deployment is pending no more, and still known', async (t) => {
  const { inbox, path } = await open(t)
  await inbox.accept(deployment)

  await inbox.finish('job-1')

  t.same(await inbox.pending(), [])
  t.equal(await inbox.accept(deployment), 'known')
  t.equal(await (await openInbox(path, fakeClock())).accept(deployment), 'known')
})

t.test('a finished issuance is new again, because the server offers it until it is signed', async (t) => {
  const { inbox } = await open(t)
  await inbox.accept(issuance)

  await inbox.finish('job-2')

  t.same(await inbox.pending(), [])
  t.equal(await inbox.accept(issuance), 'new')
})

t.test('a finished job is forgotten after 30 days, an unfinished one never', async (t) => {
  const { inbox, path, clock } = await open(t)
  await inbox.accept(deployment)
  await inbox.accept(unsupported)
  await inbox.finish('job-1')

  clock.advance(30 * dayMs)
  t.equal(await (await openInbox(path, clock)).accept(deployment), 'known')
  clock.advance(1)
  const later = await openInbox(path, clock)

  t.match(await later.pending(), [{ job: unsupported }])
  t.equal(await later.accept(deployment), 'new')
})

t.test('an agent that runs for months forgets, too', async (t) => {
  const { inbox, path, clock } = await open(t)
  await inbox.accept(deployment)
  await inbox.finish('job-1')

  clock.advance(30 * dayMs + 1)

  t.same(await inbox.pending(), [])
  t.same(await readdir(path), [])
})

t.test('an id that nobody accepted is neither begun nor finished', async (t) => {
  const { inbox, path } = await open(t)

  await inbox.begin('job-1')
  await inbox.finish('job-1')

  t.same(await readdir(path), [])
})

t.test('an id from outside is no path', async (t) => {
  const { inbox, path } = await open(t)
  for (const id of ['../../etc/passwd', '.', 'a/b', '\u202e', 'x'.repeat(1000)]) {
    t.equal(await inbox.accept({ ...deployment, id }), 'new')
    t.equal(await inbox.accept({ ...deployment, id }), 'known')
  }

  t.equal((await inbox.pending()).length, 5)
  t.equal((await readdir(path)).length, 5)
  t.same(await readdir(join(path, '..')), ['inbox'])
})

t.test('a torn or foreign document is set aside, and the others are pending', async (t) => {
  const { inbox, path } = await open(t)
  await inbox.accept(deployment)
  await writeFile(join(path, 'torn.json'), '{"v":1,"id":"to')
  const { targetConfig: _, ...job } = { ...deployment, id: 'other' }
  const foreign = { v: 1, id: 'other', since: 1, document: { job, tries: 0, finishedAt: null } }
  await writeFile(join(path, 'other.json'), JSON.stringify(foreign))

  t.match(await inbox.pending(), [{ job: deployment }])

  t.same([...inbox.setAside].toSorted(), ['other.json', 'torn.json'])
  t.same((await readdir(path)).toSorted(), ['job-1.json', 'other.json.aside', 'torn.json.aside'])
})

async function open(t: Test): Promise<{
  readonly inbox: Inbox
  readonly path: string
  readonly clock: ReturnType<typeof fakeClock>
}> {
  const path = join(t.testdir(), 'inbox')
  const clock = fakeClock()
  return { inbox: await openInbox(path, clock), path, clock }
}
