import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import { root } from '../../packaging/root.ts'
import { follow } from './support/follow.ts'
import { stepsOf } from './support/guide.ts'
import { servedOn } from './support/mail-host.ts'
import { type Job, waitForDeployments } from './support/operator.ts'
import { openSite, type Site } from './support/site.ts'

const page = await readFile(join(root, 'docs', 'control-plane.md'), 'utf8')

for (const [release, dovecot] of [
  ['bookworm', '2.3'],
  ['trixie', '2.4'],
] as const) {
  t.test(
    `${release}: the commands of docs/control-plane.md lead from the package to served certificates`,
    async (t) => {
      const site = await openSite(release)
      t.teardown(() => site.close())
      const { mail } = site
      const started = performance.now()

      for (const step of stepsOf(page, 'From nothing to a served certificate', dovecot)) {
        await follow(site, step)
        if (step.command.startsWith('waxseal control-plane request')) await waitForDeployments(site, 2)
      }

      t.comment(`from the package to the end of the section: ${Math.round(performance.now() - started)} ms`)
      const jobs = await deploymentsOf(site)
      t.match(jobs, [{ status: 'Completed' }, { status: 'Completed' }])
      const leaves = [await servedOn(mail, 25, 'smtp'), await servedOn(mail, 143, 'imap'), await servedOn(mail, 993)]
      t.same(new Set(leaves), new Set([await leafOf(site, jobs[0])]))
      t.match(await mail.run('waxseal', 'check'), /^ok +wiring of dovecot/m)
      if (release === 'bookworm')
        await t.test('and on to one that was renewed by itself', (t) => seesRenewal(t, site, jobs[0]?.certificate_id))
    },
  )
}

/** The section on it, to its end: nobody says anything between the request and the renewal. */
async function seesRenewal(t: Test, site: Site, first: string | undefined): Promise<void> {
  const { mail } = site
  const [request, ...others] = stepsOf(page, 'See it renew by itself', '2.3')
  if (request === undefined) throw new Error('the section has no command')

  await follow(site, request)
  await waitForDeployments(site, 3)
  const before = await servedOn(mail, 25, 'smtp')
  await waitForDeployments(site, 4)
  const after = await servedOn(mail, 25, 'smtp')

  const jobs = await site.operate<readonly Job[]>('jobs')
  const [trial] = jobs.filter(({ type }) => type === 'Renewal')
  t.match(trial, { status: 'Completed' })
  t.not(trial?.certificate_id, first)
  const deployments = await deploymentsOf(site, trial?.certificate_id)
  t.match(deployments, [{ status: 'Completed' }, { status: 'Completed' }])
  const leaves = await Promise.all(deployments.map((job) => leafOf(site, job)))
  t.same([after, before], leaves, 'newest first')

  for (const step of others) await follow(site, step)
  const back = await takenBack(site)
  t.match(back, { status: 'Completed', certificate_id: first })
  t.equal(await servedOn(mail, 25, 'smtp'), await servedOn(mail, 993), 'both have the first one again')
}

/** The one job that takes a target back, when it has ended. */
async function takenBack(site: Site): Promise<Job | undefined> {
  const job = (await site.operate<readonly Job[]>('jobs')).find(({ type }) => type === 'TakeBack')
  return job === undefined || ['Completed', 'Failed'].includes(job.status) ? job : takenBack(site)
}

/** Newest first; of one certificate, or of all. */
async function deploymentsOf({ operate }: Site, certificate?: string): Promise<readonly Job[]> {
  return (await operate<readonly Job[]>('jobs')).filter(
    ({ type, certificate_id }) =>
      type === 'Deployment' && (certificate === undefined || certificate_id === certificate),
  )
}

/** SHA-256 of what a deployment put in place. */
async function leafOf({ operate }: Site, job: Job | undefined): Promise<string | undefined> {
  return (await operate<Job>('job', job?.id ?? '')).outcome?.certificate.sha256
}
