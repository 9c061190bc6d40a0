import type { Test } from 'tap'
import { WaxsealError } from '../../src/error/waxseal-error.ts'
import type { TlsaLook, TlsaRecord } from '../../src/server/dane/tlsa.ts'
import { newestFor } from '../../src/server/operation/certificate/own-certificate.ts'
import type { DaneDns } from '../../src/server/operation/dane/dane-dns.ts'
import { askHostRollback, type RollbackAnswer } from '../../src/server/operation/dane/host-rollback.ts'
import { turnRolloverOn } from '../../src/server/operation/dane/turn-rollover.ts'
import { addJob } from '../../src/server/operation/job/add-job.ts'
import { claimWork } from '../../src/server/operation/job/claim-work.ts'
import { reportJob } from '../../src/server/operation/job/report-job.ts'
import type { AgentRow, VersionRow } from '../../src/server/store/rows.ts'
import { advanceRollovers } from './advance-rollovers.ts'
import { without } from './simulated-zone.ts'
import { agentRow, certificateRow, openStoreSite } from './store-site.ts'

const [minuteMs, hourMs] = [60_000, 3_600_000]
const agent = agentRow({ features: ['lease', 'cancel'] })
const owner = '_25._tcp.mail.example.net'

const lostLook: TlsaLook = {
  endName: null,
  answers: [],
  negativeMs: 0,
  believed: null,
  problem: 'the servers of the zone cannot be found',
  isByHand: false,
  settleMs: 0,
}

/** What a site differs in from others. */
export interface DaneSiteOptions {
  /** Of PostgreSQL; undefined: SQLite. */
  readonly database: string | undefined
  readonly start: number
  /** In the zone at the beginning. */
  readonly records?: readonly TlsaRecord[]
  /** False: no deployment was proven, and none is under way. */
  readonly isProven?: boolean
}

/** A host with key-1 proven on its target, a zone with one server, and roll-over turned on. */
export async function openDaneSite(t: Test, { database, start, records = [], isProven = true }: DaneSiteOptions) {
  const site = await openStoreSite(t, { database, start, agent, targets: ['target-1', 'other'] })
  const { store, pass } = site
  const negativeMs = 900_000
  const zone = {
    records,
    /** Of a wildcard: what is there while the name has none of its own. */
    wildcard: [] as readonly TlsaRecord[],
    problem: null as string | null,
    isBelieved: true,
    isByHand: false,
    isRefusing: false,
    /** Where the aliases of a name end; null: that cannot be told. A name that is not here is none. */
    ends: new Map<string, string | null>(),
  }
  const [published, removed]: [string[], string[]] = [[], []]
  const ttls: number[] = []
  let [jobs, looks] = [0, 0]
  const look = async (of: string): Promise<TlsaLook> => {
    looks += 1
    const endName = zone.ends.get(of) ?? (zone.ends.has(of) ? null : of)
    if (endName === null) return lostLook
    const there = zone.records.length === 0 ? zone.wildcard : zone.records
    const ttlMs = there.length === 0 ? negativeMs : hourMs
    const believed = zone.isBelieved ? there : null
    const problem = zone.problem ?? (zone.isBelieved ? null : 'not signed')
    const answers = [{ server: 'ns1.example.net (192.0.2.1)', records: there, ttlMs }]
    return { endName, answers, negativeMs, believed, problem, isByHand: zone.isByHand, settleMs: 0 }
  }
  const daneDns: DaneDns = {
    look,
    publish: async (_, added, ttlMs) => {
      if (zone.isRefusing) throw new WaxsealError('DNS_UPDATE_FAILED', { reason: 'REFUSED' })
      published.push(
        without(added, zone.records)
          .map(({ data }) => data)
          .join(' '),
      )
      ttls.push(ttlMs)
      zone.records = [...without(zone.records, added), ...added]
    },
    remove: async (_, gone) => {
      removed.push(gone.map(({ data }) => data).join(' '))
      zone.records = zone.records.filter((record) => !gone.some(({ data }) => data === record.data))
    },
  }
  const names = new Map<string, string>()
  const add = async (
    type: 'Deployment' | 'TakeBack',
    versionNumber: number,
    targetId: 'target-1' | 'other' = 'target-1',
    certificateId = 'cert-1',
  ): Promise<void> => {
    pass(1)
    const wanted = { type, agentId: agent.id, certificateId, targetId, versionNumber } as const
    const id = await store.transaction((inside) => addJob(inside, wanted))
    names.set(id, `job-${(jobs += 1)}`)
  }
  const addVersion = async (
    version: Pick<VersionRow, 'certificateId' | 'number' | 'spki' | 'fingerprint'>,
  ): Promise<void> =>
    store.versions.add({
      ...version,
      serial: '0a',
      pem: `${version.number}`,
      notBefore: start,
      notAfter: start + 90 * 24 * hourMs,
      issuer: 'one',
      issuedAt: await store.now(),
      revokedAt: null,
    })
  const deploy = async (spki: string): Promise<void> => {
    pass(1)
    const number = ((await store.versions.newest('cert-1'))?.number ?? 0) + 1
    await addVersion({ certificateId: 'cert-1', number, spki, fingerprint: `leaf-${number}` })
    await add('Deployment', number)
  }
  const claim = async (): Promise<readonly string[]> =>
    (await claimWork({ store }, agent)).map(({ job }) => names.get(job.id) ?? 'another')
  const report = async (name: string, outcome: object, status: 'Completed' | 'Failed' = 'Completed'): Promise<void> => {
    const jobId = [...names].find(([, one]) => one === name)?.[0] ?? ''
    await reportJob({ store }, agent, { jobId, status, error: null, outcome })
  }
  const ask = (
    fingerprint: string,
    jobId: string | null = null,
    asking: AgentRow = agent,
    targetId = 'target-1',
  ): Promise<RollbackAnswer> => askHostRollback({ store }, asking, { targetId, fingerprint, waitMs: hourMs, jobId })
  /** What the host says of a job that it began by itself. */
  const end = (jobId: string | null, status: 'Completed' | 'Cancelled', outcome: object | null): Promise<void> =>
    reportJob({ store }, agent, { jobId: jobId ?? '', status, error: null, outcome })
  const advance = () => advanceRollovers({ store, daneDns })
  /** Until nothing is waited for any more. */
  const settle = async (): Promise<void> => {
    for (const ms of [0, minuteMs, minuteMs, 2 * hourMs]) {
      pass(ms)
      await advance()
    }
  }
  await store.certificates.add(certificateRow({ nextRenewalAt: start + 365 * 24 * hourMs }), ['target-1', 'other'])
  if (isProven) {
    await deploy('key-1')
    await claim()
    await report('job-1', { outcome: 'deployed', proven: true })
  }
  await turnRolloverOn({ store }, 'operator:ann', 'target-1', [owner])
  return {
    ...site,
    dns: zone,
    negativeMs,
    published,
    removed,
    /** Of what was published, in milliseconds. */
    ttls,
    advance,
    deploy,
    add,
    claim,
    report,
    ask,
    end,
    addVersion,
    /** Deploys the key, and proves it. */
    prove: async (spki: string): Promise<void> => {
      await deploy(spki)
      await settle()
      const [job = 'none'] = await claim()
      await report(job, { outcome: 'deployed', proven: true })
    },
    looks: () => looks,
    there: () => zone.records.map(({ data }) => data).toSorted(),
    newest: () => newestFor({ store }, agent, 'cert-1'),
    settle,
  }
}
