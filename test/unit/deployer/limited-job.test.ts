import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deploy } from '../../../src/deployer/deploy.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { type Work, workThrough } from '../../../src/deployer/work/work-through.ts'
import type { DeploymentJob } from '../../../src/documents/job.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { openInbox } from '../../../src/inbox/inbox.ts'
import { limits } from '../../../src/limit/limits.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net'] })

t.test('beyond the reloads of an hour a job waits with nothing touched, and a person does not', async (t) => {
  const { engine, live, config } = await open(t)
  const request = { target: 'one', connector: 'files', config, ...pair, findKey: async () => pair.keyPem }
  await useUp(engine)

  t.match(await deploy({ ...request, job: 'job-1' }, engine), {
    outcome: 'refused',
    code: 'LIMIT_EXCEEDED',
    host: 'untouched',
  })
  t.equal(readFileSync(live, 'utf8'), authority.certificatePem)
  t.same(await engine.history.read(), [], 'a flood that waits writes no history')
  t.match(await deploy(request, engine), { outcome: 'deployed' })
})

t.test('a job that waits for its turn is not counted as interrupted, and is done when its time comes', async (t) => {
  const { engine, dir, config } = await open(t)
  const inbox = await openInbox(join(dir, 'inbox'), systemClock)
  const ends: string[] = []
  const work = workOf(engine, inbox, ends)
  await inbox.accept({
    kind: 'deployment',
    id: 'job-1',
    certificateId: 'mc-1',
    targetId: 'one',
    targetType: 'files',
    targetConfig: config,
  })
  await useUp(engine)

  for (let round = 0; round < 4; round += 1)
    t.match(await workThrough(work), { done: 0, putOff: { code: 'LIMIT_EXCEEDED' } })
  t.match(await inbox.pending(), [{ tries: 0 }])
  const later: Engine = { ...engine, reloadRate: { requireRoom: async () => {}, count: async () => {} } }

  t.match(await workThrough(workOf(later, inbox, ends)), { done: 1, putOff: null })
  t.same(ends, ['job-1 Completed'])
})

async function useUp({ reloadRate }: Engine): Promise<void> {
  for (let run = 0; run < limits.reloadsPerHour.most; run += 1) await reloadRate.count([['true']])
}

function workOf(engine: Engine, inbox: Work['inbox'] & { begin(id: string): Promise<void> }, ends: string[]): Work {
  return {
    inbox,
    report: async (reports) => {
      for (const one of reports) if (one.kind === 'status') ends.push(`${one.jobId} ${one.status}`)
    },
    workshop: {
      engine,
      keys: { find: async () => pair.keyPem },
      certificatesOf: async (jobs: readonly DeploymentJob[]) =>
        new Map(jobs.map(({ id }) => [id, pair.certificatePem])),
      challenges: { put: async () => {} },
      obtained: { list: async () => [] },
      onBegin: (jobId) => inbox.begin(jobId),
      onStep: () => {},
    },
    onJobs: () => {},
    onPutOff: () => {},
    signal: new AbortController().signal,
    unsaved: new Map(),
  }
}

async function open(t: Test) {
  const dir = t.testdir()
  const folder = join(dir, 'live')
  mkdirSync(folder)
  const live = join(folder, 'a.pem')
  writeFileSync(live, authority.certificatePem, { mode: 0o644 })
  const config = { service: 'one', files: [{ path: live, format: 'certificate' }], reload_command: 'true' }
  return { dir, live, config, engine: await openTestEngine(dir, ['true']) }
}
