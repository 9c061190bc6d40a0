import t from 'tap'
import { readVersion } from '../../../src/server/authority/read-version.ts'
import type { Issuer } from '../../../src/server/issuer/issuer.ts'
import { Presence } from '../../../src/server/operation/agent/presence.ts'
import { requestCertificate } from '../../../src/server/operation/certificate/request-certificate.ts'
import { openSigner } from '../../../src/server/operation/certificate/signer.ts'
import { submitCsr } from '../../../src/server/operation/certificate/submit-csr.ts'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { reportJob } from '../../../src/server/operation/job/report-job.ts'
import { Refusal } from '../../../src/server/operation/refusal.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import { isOpen } from '../../../src/server/store/migration/first-schema.ts'
import { migrate } from '../../../src/server/store/migration/migrate.ts'
import type { AgentRow } from '../../../src/server/store/rows.ts'
import { sqlStore } from '../../../src/server/store/sql/sql-store.ts'
import { openSqlite } from '../../../src/server/store/sqlite/open-sqlite.ts'
import { fractionOf, randomOf } from '../../support/chance.ts'
import { isIn, type Span } from '../../support/outages.ts'
import { quickIssuer } from '../../support/quick-issuer.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2026-11-01T00:00:00Z')
const agentCount = 5
const certificateCount = 200
const lives = [6, 47] as const
/** One of four ends after six days. */
const lifeOf = (count: number): 6 | 47 => (count % 4 === 0 ? 6 : 47)
const seed = Number(process.env['YEAR_SEED'] ?? 17)

t.setTimeout(900_000)

type Outages = readonly Span[]

t.test(`a year of 200 certificates, of issuers that fail and agents that are silent (seed ${seed})`, async (t) => {
  let now = start
  const random = randomOf(seed)
  const outages = new Map(lives.map((days) => [days, outagesOf(days * dayMs, random)]))
  const db = openSqlite(':memory:', () => now)
  await migrate(db, async () => {})
  const store = sqlStore(db)
  t.teardown(() => store.close())
  const presence = new Presence(store, start)
  const issuers = await Promise.all(
    lives.map((days) => quickIssuer(`of-${days}-days`, (at) => isIn(outages.get(days) ?? [], at))),
  )
  // All that an issuer signs has its one key.
  const keys = await Promise.all(issuers.map((issuer) => keyOf(issuer)))
  const keyFor = (name = ''): string => keys[lives.indexOf(lifeOf(Number(/\d+/.exec(name)?.[0])))] ?? ''
  const signer = openSigner({ store, issuers, check: async (_, [name]) => keyFor(name) })
  const parts = { store, signer, presence }
  /** When the certificate ends that a target serves. */
  const served = new Map<string, number>()
  const late: string[] = []

  const agents: AgentRow[] = []
  for (let count = 0; count < agentCount; count += 1) {
    const features = count % 2 === 0 ? [] : ['lease', 'csr_accepted']
    const name = `mail-${count}`
    const agent: AgentRow = { id: name, name, hostname: name, status: 'active', features, registeredAt: start }
    await store.agents.add(agent)
    agents.push(agent)
  }
  for (let count = 0; count < certificateCount; count += 1) await addCertificate(count)

  while (now < start + 366 * dayMs) {
    // Once a day by two servers at the same time.
    const servers = (now - start) % dayMs === 0 ? [1, 2] : [1]
    await Promise.all(servers.map(() => renewDue(store)))
    await Promise.all(servers.map(() => signer.signDue()))
    for (const agent of agents) if (!isSilent(agent)) await work(agent)
    await presence.reap()
    for (const [target, end] of served) if (end <= now) late.push(`${target} at day ${(now - start) / dayMs}`)
    const twice = await db.query(
      `SELECT certificate_id FROM job WHERE type IN ('Issuance', 'Renewal') AND ${isOpen}
        GROUP BY certificate_id HAVING count(*) > 1`,
    )
    if (twice.length > 0) late.push(`two renewals of ${JSON.stringify(twice)}`)
    now += 2 * hourMs
  }

  t.same(late.slice(0, 10), [], 'no certificate is past its end, and none has two open renewals')
  t.equal(served.size, certificateCount)
  const [{ most = 0 } = {}] = await db.query(
    'SELECT max(number) AS most FROM version JOIN certificate ON id = certificate_id WHERE validity_days = 47',
  )
  const [{ least = 0 } = {}] = await db.query(
    `SELECT min(number) AS least FROM
      (SELECT max(number) AS number FROM version JOIN certificate ON id = certificate_id WHERE validity_days = 6 GROUP BY id)`,
  )
  t.ok(Number(most) <= 1 + 366 / (47 * 0.6), 'a certificate is renewed when it is due and not before')
  t.ok(Number(least) >= 366 / (6 * (0.5 + 1 / 3)))
  const [{ failed = 0 } = {}] = await db.query(
    "SELECT count(*) AS failed FROM job WHERE status = 'Failed' AND type = 'Renewal'",
  )
  t.ok(Number(failed) > 50, 'renewals failed on hosts, and were begun again')

  async function addCertificate(count: number): Promise<void> {
    const agent = `mail-${count % agentCount}`
    const target = { id: `target-${count}`, name: `target-${count}`, agentId: agent, type: 'Postfix', config: {} }
    await store.targets.add(target)
    const wanted = { agent, commonName: `mail-${count}.example.net`, sans: [], deployTo: [target.id] }
    const validityDays = lifeOf(count)
    const policy = { issuers: [`of-${validityDays}-days`] }
    await requestCertificate(parts, 'operator:test', { ...wanted, validityDays, policy })
  }

  function isSilent({ id }: AgentRow): boolean {
    return fractionOf(`${seed} ${id} ${Math.floor(now / (6 * hourMs))}`) < 0.04
  }

  async function work(agent: AgentRow): Promise<void> {
    await presence.hear(agent.id)
    for (const { job, version } of await claimWork(parts, agent)) {
      const chance = random()
      const report = { jobId: job.id, outcome: null, error: null }
      // The answer that gave it the job was lost.
      if (chance < 0.02) continue
      const isFirst = job.type === 'Issuance'
      if (chance < 0.05 && !isFirst) await reportJob(parts, agent, { ...report, status: 'Failed', error: 'no memory' })
      else if (job.status === 'AwaitingCSR') await request(agent, job.certificateId, `${job.certificateId} ${random()}`)
      else {
        await reportJob(parts, agent, { ...report, status: 'Completed' })
        served.set(job.targetId ?? '', readVersion(version?.pem ?? '').notAfter)
      }
    }
  }

  /** Now and then twice. */
  async function request(agent: AgentRow, certificateId: string, csrPem: string): Promise<void> {
    for (let times = random() < 0.1 ? 2 : 1; times > 0; times -= 1)
      await submitCsr(parts, agent, { certificateId, csrPem }).catch((error: unknown) => {
        if (!(error instanceof Refusal && error.kind === 'busy')) throw error
      })
  }
})

async function keyOf({ sign }: Issuer): Promise<string> {
  const request = {
    id: '',
    certificateId: '',
    csrPem: '',
    spki: '',
    names: [],
    validityDays: 1,
    replaces: null,
    at: start,
  }
  const step = await sign(request)
  return step.state === 'signed' ? readVersion(step.pem).spki : ''
}

/** Fails for up to a third of a lifetime at a time, every second time for all of it. */
function outagesOf(lifeMs: number, random: () => number): Outages {
  const outages: [number, number][] = []
  let at = start + 6 * hourMs
  while (at < start + 366 * dayMs) {
    const from = at + lifeMs * (0.05 + random() * 0.7)
    const length = (lifeMs / 3) * (outages.length % 2 === 0 ? 1 : random())
    outages.push([from, from + length])
    at = from + length
  }
  return outages
}
