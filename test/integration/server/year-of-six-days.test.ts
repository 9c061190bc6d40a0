import t from 'tap'
import { readVersion } from '../../../src/server/authority/read-version.ts'
import { Presence } from '../../../src/server/operation/agent/presence.ts'
import { requestCertificate } from '../../../src/server/operation/certificate/request-certificate.ts'
import { openSigner } from '../../../src/server/operation/certificate/signer.ts'
import { submitCsr } from '../../../src/server/operation/certificate/submit-csr.ts'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { reportJob } from '../../../src/server/operation/job/report-job.ts'
import { Refusal } from '../../../src/server/operation/refusal.ts'
import { askIssuers } from '../../../src/server/operation/renewal/ask-issuers.ts'
import { OldVersions } from '../../../src/server/operation/renewal/forget-versions.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import { isOpen } from '../../../src/server/store/migration/first-schema.ts'
import { migrate } from '../../../src/server/store/migration/migrate.ts'
import type { AgentRow } from '../../../src/server/store/rows.ts'
import { sqlStore } from '../../../src/server/store/sql/sql-store.ts'
import { openSqlite } from '../../../src/server/store/sqlite/open-sqlite.ts'
import { fractionOf, randomOf } from '../../support/chance.ts'
import { isIn, outagesBetween, type Span, withoutLonger } from '../../support/outages.ts'
import { openStrictCa } from '../../support/strict-ca.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const lifeMs = 6 * dayMs
const start = Date.parse('2026-11-01T00:00:00Z')
const seed = Number(process.env['YEAR_SEED'] ?? 17)
const hosts = Number(process.env['YEAR_HOSTS'] ?? 200)
const days = Number(process.env['YEAR_DAYS'] ?? 36)
const end = start + days * dayMs
/** A CSR that waits for the limits of the CA is asked for when there is room: twice in the time by which they count. */
const stepMs = 90 * minuteMs
/** With a fleet as large as its CA allows, a backlog of two days is worked off in one. */
const limits = {
  orders: { most: Math.max(20, Math.ceil(hosts / 5)), perMs: 3 * hourMs },
  sameNames: { most: 5, perMs: 7 * dayMs },
}
/** When the CA has all that it signed replaced, within a day. */
const revocations: readonly Span[] = [0.3, 0.7].map((share): Span => {
  const at = start + Math.floor(days * share) * dayMs
  return [at, at + dayMs]
})

// The whole year: `npm run soak:year`.
t.setTimeout(3_600_000)

t.test(
  `${days} days of ${hosts} hosts with certificates of six days, whatever fails for two days (seed ${seed})`,
  async (t) => {
    let now = start
    const random = randomOf(seed)
    const quiet = revocations.map(([from, to]): Span => [from - dayMs, to + dayMs])
    const common = outagesBetween([start + dayMs, end], lifeMs / 3, random, quiet)
    // By turns the CA, the control plane, and both.
    const [ofCa, ofPlane] = [0, 1].map((which) => common.filter((_, at) => at % 3 !== which)) as [Span[], Span[]]
    const ofSecond = outagesBetween([start + dayMs, end], lifeMs / 3, random)
    const agents = Array.from({ length: hosts }, (_, count) => agentOf(count))
    const ofHost = new Map(
      agents.map(({ id }) => {
        const own = outagesBetween([start + dayMs, end], lifeMs / 3, randomOf(`${seed} ${id}`), quiet)
        return [id, withoutLonger(own, common, lifeMs / 3)]
      }),
    )

    const db = openSqlite(':memory:', () => now)
    await migrate(db, async () => {})
    const store = sqlStore(db)
    t.teardown(() => store.close())
    const world = { now: () => now, limits }
    const first = await openStrictCa('first', { ...world, isDown: (at) => isIn(ofCa, at) })
    const second = await openStrictCa('second', { ...world, isDown: (at) => isIn(ofSecond, at) })
    const issuers = [first.issuer, second.issuer]
    const keys = new Map<string, string>()
    const signer = openSigner({ store, issuers, check: async () => keys.get('spki') ?? '' })
    let presence = new Presence(store, start)
    let isDown = false
    const parts = () => ({ store, signer, presence })
    const oldVersions = new OldVersions(store, { keep: 3, keptMs: 14 * dayMs })
    /** What each target serves. */
    const served = new Map<string, { readonly serial: string; readonly notAfter: number }>()
    const faults: string[] = []
    let [most, replaced] = [0, 0]

    for (const [count, agent] of agents.entries()) await addHost(count, agent)
    while (now < end) {
      for (const [from, to] of revocations) if (now === from) first.revokeAll(from, to - from)
      if (isIn(ofPlane, now)) isDown = true
      else {
        // What it knew of who was heard is gone.
        if (isDown) presence = new Presence(store, now)
        isDown = false
        await look()
      }
      for (const [target, { notAfter, serial }] of served) {
        if (notAfter <= now) faults.push(`${target} is past its end on day ${(now - start) / dayMs}`)
        if (first.isRevoked(serial, now)) faults.push(`${target} serves a revoked one on day ${(now - start) / dayMs}`)
      }
      now += isIn(revocations, now) ? 15 * minuteMs : stepMs
    }

    t.same(faults.slice(0, 10), [], 'nothing is served past its end, or after its revocation')
    t.equal(served.size, hosts)
    t.equal(first.aboveLimits + second.aboveLimits, 0, 'no order is above the limits')
    t.ok(replaced > hosts, 'both revocations had most of the fleet renewed at once')
    t.ok(most <= 50, `${most} renewals begin at a look at most`)
    t.ok(
      second.orders > 0 && second.orders < first.orders / 4,
      `the second issuer signs where the first cannot: ${second.orders} of ${first.orders}`,
    )
    const [{ kept = 0 } = {}] = await db.query(
      'SELECT max(count) AS kept FROM (SELECT count(*) AS count FROM version GROUP BY certificate_id) AS each',
    )
    t.ok(Number(kept) <= 14, `${kept} versions of one certificate are kept at most`)
    t.comment(`${first.orders} orders, ${first.asks} asks, ${faults.length} faults`)

    async function look(): Promise<void> {
      await askIssuers({ store, issuers })
      const before = await begun()
      // Once a day by two servers at the same time.
      const servers = (now - start) % dayMs === 0 ? [1, 2] : [1]
      await Promise.all(servers.map(() => renewDue(store)))
      const began = (await begun()) - before
      most = Math.max(most, began / servers.length)
      if (revocations.some(([from, to]) => now >= from && now < to)) replaced += began
      await signer.signDue()
      await visit()
      const at = now
      now += 5 * minuteMs
      await signer.signDue()
      await visit()
      if ((at - start) % dayMs === 0) await oldVersions.forget()
      await presence.reap()
      now = at
    }

    async function begun(): Promise<number> {
      const [{ count = 0 } = {}] = await db.query("SELECT count(*) AS count FROM job WHERE type = 'Renewal'")
      return Number(count)
    }

    /** Those for whom there is work. */
    async function visit(): Promise<void> {
      for (const { agent_id: id } of await db.query(`SELECT DISTINCT agent_id FROM job WHERE ${isOpen}`)) {
        const agent = agents.find((one) => one.id === id)
        if (agent !== undefined && !isIn(ofHost.get(agent.id) ?? [], now)) await work(agent)
      }
    }

    async function addHost(count: number, agent: AgentRow): Promise<void> {
      await store.agents.add(agent)
      const target = { id: `target-${count}`, name: `target-${count}`, agentId: agent.id, type: 'Postfix', config: {} }
      await store.targets.add(target)
      const wanted = { agent: agent.id, commonName: `${agent.name}.example.net`, sans: [], deployTo: [target.id] }
      // Every second one has no other issuer.
      const policy = count % 2 === 0 ? { issuers: ['first'] } : { issuers: ['first', 'second'], fallBackAfter: 6 }
      await requestCertificate(parts(), 'operator:test', { ...wanted, validityDays: 6, policy })
    }

    async function work(agent: AgentRow): Promise<void> {
      await presence.hear(agent.id)
      for (const { job, version } of await claimWork(parts(), agent)) {
        const chance = random()
        const report = { jobId: job.id, outcome: null, error: null }
        // The answer that gave it the job was lost.
        if (chance < 0.02) continue
        const isFirst = job.type === 'Issuance'
        if (chance < 0.05 && !isFirst)
          await reportJob(parts(), agent, { ...report, status: 'Failed', error: 'no memory' })
        else if (job.status === 'AwaitingCSR') await request(agent, job.certificateId)
        else {
          await reportJob(parts(), agent, { ...report, status: 'Completed' })
          if (version !== null) served.set(job.targetId ?? '', readVersion(version.pem))
        }
      }
    }

    async function request(agent: AgentRow, certificateId: string): Promise<void> {
      keys.set('spki', `${certificateId} ${random()}`)
      await submitCsr(parts(), agent, { certificateId, csrPem: 'CSR' }).catch((error: unknown) => {
        if (!(error instanceof Refusal && error.kind === 'busy')) throw error
      })
    }
  },
)

function agentOf(count: number): AgentRow {
  const name = `mail-${count}`
  const features = fractionOf(name) < 0.5 ? ['lease', 'csr_accepted'] : []
  return { id: name, name, hostname: name, status: 'active', features, registeredAt: start }
}
