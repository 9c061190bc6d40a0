import type { Test } from 'tap'
import { servedOn } from './mail-host.ts'
import type { Site } from './site.ts'

/** A job, as the control plane tells it. */
export interface Job {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly certificate_id: string
  readonly error: string | null
  readonly outcome: {
    readonly outcome: string
    readonly host: string
    readonly certificate: { readonly sha256: string }
    readonly probes: readonly { readonly address: string; readonly seen: string | null }[]
  } | null
}

/** What a target is added with. */
export interface Target {
  readonly type: string
  readonly config: object
}

/** Adds a target of the mail host. */
export async function addTarget({ control, operate }: Site, name: string, { type, config }: Target): Promise<void> {
  await control.write('/root/target.json', JSON.stringify(config))
  await operate('add-target', '--name', name, '--agent', 'mail', '--type', type, '--target-config', '/root/target.json')
}

/** Requests a new certificate for a target, by its name, with more options. Returns its id. */
export async function request({ operate }: Site, target: string, ...more: readonly string[]): Promise<string> {
  const options = ['--agent', 'mail', '--cn', 'mail.example.net', '--deploy-to', target, ...more]
  return (await operate<{ readonly certificate_id: string }>('request', ...options)).certificate_id
}

/** The deployment of a certificate, when the control plane knows how it ended. */
export async function finished({ operate }: Site, certificate: string): Promise<Job> {
  for (;;) {
    const jobs = await operate<readonly Job[]>('jobs')
    const job = jobs.find(({ type, certificate_id }) => type === 'Deployment' && certificate_id === certificate)
    if (job !== undefined && ['Completed', 'Failed'].includes(job.status)) return operate<Job>('job', job.id)
  }
}

/** Waits until the control plane knows how as many deployments as this have ended. */
export async function waitForDeployments({ operate }: Site, count: number): Promise<void> {
  for (;;) {
    const jobs = await operate<readonly Job[]>('jobs')
    const over = jobs.filter(({ type, status }) => type === 'Deployment' && ['Completed', 'Failed'].includes(status))
    if (over.length >= count) return
  }
}

/** Both ports of Dovecot serve what the control plane was told. What a recovery has finished is `unchanged` to the job itself. */
export async function servesWhatIsReported(
  t: Test,
  site: Site,
  certificate: string,
  outcome = /^deployed$/,
): Promise<void> {
  const job = await finished(site, certificate)
  t.match(job, { status: 'Completed', outcome: { outcome } })
  t.equal(await servedOn(site.mail, 993), job.outcome?.certificate.sha256)
  t.equal(await servedOn(site.mail, 143, 'imap'), job.outcome?.certificate.sha256)
}
