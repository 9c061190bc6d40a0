import type { ModelAgent } from './model-agent.ts'

/** A row as either database gives it. */
export type Row = Readonly<Record<string, unknown>>

/** Reads the database under the servers. */
export type Look = (sql: string) => Promise<readonly Row[]>

/** What the operator was told. */
export interface Told {
  readonly certificates: readonly { readonly certificate: string; readonly targets: readonly string[] }[]
  readonly cancelled: ReadonlySet<string>
}

/** How jobs ended. */
export interface Ends {
  readonly jobs: number
  readonly versions: number
  readonly reaped: number
  readonly cancelled: number
  readonly attempts: number
  readonly violations: readonly string[]
}

const finals = new Set(['Completed', 'Failed', 'Cancelled'])
const count = (rows: readonly Row[]): number => Number(rows[0]?.['n'])

/** Holds what is in the database against what the agents did, and what everyone was told. */
export async function judge(look: Look, agents: readonly ModelAgent[], told: Told): Promise<Ends> {
  const jobs = await look('SELECT * FROM job')
  const violations = [
    ...agents.flatMap((agent) => agent.violations),
    ...deployments(jobs, agents),
    ...(await ends(look, jobs, told)),
    ...(await certificates(look, jobs, told)),
  ]
  const names = await look('SELECT name FROM agent')
  if (names.length !== agents.length)
    violations.push(`${agents.length} agents registered, and ${names.length} are there`)
  return {
    jobs: jobs.length,
    versions: count(await look('SELECT count(*) AS n FROM version')),
    reaped: count(await look("SELECT count(DISTINCT subject) AS n FROM audit WHERE action = 'job.reap'")),
    cancelled: jobs.filter(({ status }) => status === 'Cancelled').length,
    attempts: jobs.reduce((sum, { attempt }) => sum + Number(attempt), 0),
    violations,
  }
}

function deployments(jobs: readonly Row[], agents: readonly ModelAgent[]): readonly string[] {
  const byId = new Map(agents.map((agent) => [agent.id, agent]))
  return jobs
    .filter(({ type }) => type === 'Deployment')
    .flatMap((job) => {
      const { id, status, is_reaped } = job as { id: string; status: string; is_reaped: unknown }
      const agent = byId.get(String(job['agent_id']))
      const known = agent?.jobs.get(id)
      const commits = known?.commits ?? 0
      return [
        ...(commits > 1 ? [`${id} is committed ${commits} times`] : []),
        ...(status === 'Completed' && commits !== 1 ? [`${id} is Completed and was never committed`] : []),
        ...(status === 'Cancelled' && commits > 0 ? [`${id} is Cancelled and was committed`] : []),
        ...(known !== undefined && status !== known.final
          ? [`the agent was told that ${id} is taken as ${known.final}, and it is ${status}`]
          : []),
        ...(known === undefined && status === 'Failed' && Number(is_reaped) !== 1 ? [`nobody has failed ${id}`] : []),
        ...(agent?.isLeasing === true && Number(is_reaped) === 1 ? [`${id} has a lease and was lost`] : []),
      ]
    })
}

async function ends(look: Look, jobs: readonly Row[], { cancelled }: Told): Promise<readonly string[]> {
  const statusOf = new Map(jobs.map(({ id, status }) => [String(id), String(status)]))
  const reports = await look("SELECT subject, details FROM audit WHERE action = 'job.report'")
  const taken = new Map<string, number>()
  for (const { subject, details } of reports) {
    const { status } = JSON.parse(String(details)) as { readonly status: string }
    if (finals.has(status)) taken.set(String(subject), (taken.get(String(subject)) ?? 0) + 1)
  }
  return [
    ...[...statusOf].filter(([, status]) => !finals.has(status)).map(([id, status]) => `${id} is ${status} for ever`),
    ...[...taken].filter(([, times]) => times > 1).map(([id, times]) => `${id} got ${times} final states`),
    ...[...cancelled]
      .filter((id) => statusOf.get(id) !== 'Cancelled')
      .map((id) => `the operator was told that ${id} is Cancelled, and it is ${statusOf.get(id)}`),
  ]
}

async function certificates(look: Look, jobs: readonly Row[], told: Told): Promise<readonly string[]> {
  const twice = await look(
    'SELECT certificate_id, spki, count(*) AS n FROM version GROUP BY certificate_id, spki HAVING count(*) > 1',
  )
  const versions = await look(
    'SELECT certificate_id, max(number) AS newest, count(*) AS n FROM version GROUP BY certificate_id',
  )
  const versionsOf = new Map(versions.map((row) => [String(row['certificate_id']), Number(row['n'])]))
  const of = (certificate: string, ...types: readonly string[]): readonly Row[] =>
    jobs.filter((job) => job['certificate_id'] === certificate && types.includes(String(job['type'])))
  return [
    ...twice.map((row) => `${row['certificate_id']} has ${row['n']} versions of one key`),
    ...versions
      .filter(({ newest, n }) => Number(newest) !== Number(n))
      .map((row) => `${row['certificate_id']} lacks a version`),
    ...told.certificates.flatMap(({ certificate, targets }) => {
      const issuances = of(certificate, 'Issuance', 'Renewal')
      const done = issuances.filter(({ status }) => status === 'Completed').length
      const had = versionsOf.get(certificate) ?? 0
      const missing = targets.filter(
        (target) => !of(certificate, 'Deployment').some((job) => job['target_id'] === target),
      )
      return [
        ...(issuances.length === 0 ? [`the request of ${certificate} is lost`] : []),
        ...(had !== done ? [`${certificate} has ${had} versions of ${done} issuances that are done`] : []),
        ...(done > 0 && missing.length > 0 ? [`${certificate} is signed, and nothing deploys it`] : []),
      ]
    }),
  ]
}
