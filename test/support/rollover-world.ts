import { recordOf, type TlsaRecord, tlsaText } from '../../src/server/dane/tlsa.ts'
import { newestFor } from '../../src/server/operation/certificate/own-certificate.ts'
import { byHandAt } from '../../src/server/operation/dane/by-hand-at.ts'
import type { DaneDns } from '../../src/server/operation/dane/dane-dns.ts'
import { askHostRollback, type HostRollback } from '../../src/server/operation/dane/host-rollback.ts'
import { turnRolloverOn } from '../../src/server/operation/dane/turn-rollover.ts'
import { addJob } from '../../src/server/operation/job/add-job.ts'
import { cancelJob } from '../../src/server/operation/job/cancel-job.ts'
import { claimWork } from '../../src/server/operation/job/claim-work.ts'
import { reportJob } from '../../src/server/operation/job/report-job.ts'
import { Refusal } from '../../src/server/operation/refusal.ts'
import { migrate } from '../../src/server/store/migration/migrate.ts'
import type { JobRow, VersionRow } from '../../src/server/store/rows.ts'
import { sqlStore } from '../../src/server/store/sql/sql-store.ts'
import { openSqlite } from '../../src/server/store/sqlite/open-sqlite.ts'
import type { Store } from '../../src/server/store/store.ts'
import { advanceRollovers } from './advance-rollovers.ts'
import { Crash } from './crash.ts'
import { simulatedZone, without } from './simulated-zone.ts'
import { agentRow, certificateRow } from './store-site.ts'

/** How a world differs from others. */
export interface WorldOptions {
  readonly seed: number
  /** A person publishes and removes what the rows say. */
  readonly isByHand: boolean
  /** How the zone has a record of the key that is served: not at all, at the name itself, or by a wildcard. */
  readonly published: 'no' | 'name' | 'wildcard'
}

/** What came of a world. */
export interface WorldEnd {
  /** Each instant at which a resolver might have had records, and none for a key that was served. */
  readonly violations: readonly string[]
  /** Deployments that changed the key that is served. */
  readonly switches: number
  readonly crashes: number
  /** What happened, oldest first. */
  readonly story: readonly string[]
}

const [secondMs, minuteMs, hourMs] = [1000, 60_000, 3_600_000]
const owner = '_25._tcp.mail.example.net'
const targetId = 'target-1'
const certificateId = 'cert-1'
const agent = agentRow({ features: ['lease', 'cancel'] })

/** A job as the host has it. */
interface HeldJob {
  readonly job: JobRow
  version: VersionRow | null
  /** When its next step is. */
  at: number
  step: 'fetch' | 'begin' | 'end' | 'report'
  said: 'proven' | 'unproven' | 'rolled-back' | null
}

/** Runs `steps` events of one host, its zone, two servers and the people around them. */
export async function runWorld(options: WorldOptions, steps: number): Promise<WorldEnd> {
  const world = await openWorld(options)
  for (let step = 0; step < steps; step += 1) await world.step()
  return world.end()
}

async function openWorld({ seed, isByHand, published }: WorldOptions) {
  const random = randomOf(seed)
  const isChance = (share: number): boolean => random() < share
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const upTo = (ms: number): number => Math.floor(random() * ms)
  let now = Date.parse('2026-11-01T00:00:00Z')
  const sleepers: { readonly at: number; readonly wake: () => void }[] = []
  const sleep = (ms: number): Promise<void> => new Promise((wake) => sleepers.push({ at: now + ms, wake }))
  const story: string[] = []
  const tell = (text: string): void => {
    story.push(`${new Date(now).toISOString()} ${text}`)
  }
  const violations: string[] = []
  let [switches, crashes] = [0, 0]

  const db = openSqlite(':memory:', () => now)
  await migrate(db, async () => {})
  const plain = sqlStore(db)
  const store = plain
  let nextSpki: string | null = 'key-2'
  let keys = 2
  const newKey = (): string => `key-${(keys += 1)}`
  await plain.agents.add(agent)
  await plain.targets.add({ id: targetId, name: targetId, agentId: agent.id, type: 'Postfix', config: {} })
  await plain.certificates.add(certificateRow({ nextSpki }), [targetId])
  const addVersion = async (inside: Store, spki: string): Promise<number> => {
    const number = ((await inside.versions.newest(certificateId))?.number ?? 0) + 1
    await inside.versions.add({
      certificateId,
      number,
      serial: `${number}`,
      pem: `${number}`,
      notBefore: now,
      notAfter: now + 90 * 24 * hourMs,
      spki,
      fingerprint: `leaf-${number}`,
      issuer: 'one',
      issuedAt: now,
      revokedAt: null,
    })
    return number
  }
  const deployment = { type: 'Deployment', agentId: agent.id, certificateId, targetId } as const
  await addVersion(plain, 'key-1')
  await addJob(plain, { ...deployment, versionNumber: 1 })
  for (const { job } of await claimWork({ store: plain }, agent))
    await reportJob({ store: plain }, agent, {
      jobId: job.id,
      status: 'Completed',
      error: null,
      outcome: { outcome: 'deployed', proven: true },
    })

  const zone = simulatedZone(
    () => now,
    () => (isChance(0.3) ? upTo(30 * minuteMs) : upTo(20 * secondMs)),
    {
      records: published === 'name' ? [recordOf('key-1')] : [],
      wildcard: published === 'wildcard' ? [recordOf('key-1'), recordOf('of-others')] : [],
      ttlMs: pick([60, 300, 900, 3600].map((s) => s * secondMs)) ?? 0,
    },
  )
  const served = new Set(['key-1'])
  const held: HeldJob[] = []
  let lastTtlChange = 0

  /** The sentence of docs/design/dane.md, §1. */
  const check = (what: string): void => {
    for (const records of zone.possible())
      for (const key of served)
        if (records.length > 0 && !records.some((record) => tlsaText(record) === tlsaText(recordOf(key))))
          violations.push(
            `${new Date(now).toISOString()} ${what}: ${key} is served, and a resolver may have ${records.map(({ data }) => data).join(' ')}`,
          )
  }

  const dnsOf = (replica: number): DaneDns => ({
    look: async () => {
      await sleep(isChance(0.05) ? upTo(6 * minuteMs) : upTo(3 * secondMs))
      const { answers, negativeMs, problem, settleMs } = zone.look(() => isChance(0.05))
      const believed = isChance(0.9) ? (pick(zone.possible()) ?? []) : null
      const why = problem ?? (believed === null ? 'the resolver does not answer' : null)
      await sleep(upTo(2 * secondMs))
      if (isChance(0.02)) throw new Crash()
      return { endName: owner, answers, negativeMs, believed, problem: why, isByHand, settleMs }
    },
    publish: (_, records, ttlMs) =>
      order(replica, 'publishes', records, () =>
        zone.change((there) => [...without(there, records), ...records], Math.min(ttlMs, hourMs)),
      ),
    remove: (_, records) => order(replica, 'removes', records, () => zone.change((there) => without(there, records))),
  })
  const order = async (
    replica: number,
    word: string,
    records: readonly TlsaRecord[],
    effect: () => void,
  ): Promise<void> => {
    if (isChance(0.05)) throw new Crash()
    await sleep(isChance(0.1) ? upTo(55 * secondMs) : upTo(secondMs))
    if (isChance(0.1)) throw new Error('the server of the zone refuses')
    effect()
    tell(`server ${replica} ${word} ${records.map(({ data }) => data).join(' ')}`)
    check(word)
    if (isChance(0.05)) throw new Crash()
    if (isChance(0.1)) throw new Error('no answer came')
  }

  /** A server that may die, or stand still, between any two writes. */
  const crashing = (inner: Store): Store => ({
    ...inner,
    transaction: async (work) => {
      if (isChance(0.03)) throw new Crash()
      const result = await inner.transaction(work)
      if (isChance(0.03)) throw new Crash()
      if (isChance(0.03)) await sleep(upTo(8 * minuteMs))
      return result
    },
  })
  const replicas = [1, 2].map((number) => ({ number, isBusy: false, next: now }))
  const advance = async (replica: (typeof replicas)[number]): Promise<void> => {
    replica.next = now + upTo(20 * secondMs)
    const due = (await plain.rollovers.of(targetId))?.nextLookAt ?? 0
    if (due > now) return
    replica.isBusy = true
    const parts = { store: crashing(store), daneDns: dnsOf(replica.number), elapsed: () => now }
    void advanceRollovers(parts)
      .catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error
        crashes += 1
      })
      .finally(() => {
        replica.isBusy = false
      })
  }

  const claim = async (): Promise<void> => {
    for (const { job, version } of await claimWork({ store }, agent)) {
      if (job.status === 'AwaitingCSR' || held.some((one) => one.job.id === job.id)) continue
      tell(`the host gets ${job.type} ${job.id}`)
      const isBack = job.type === 'TakeBack'
      const at = now + (isChance(0.1) ? upTo(3 * hourMs) : upTo(secondMs))
      held.push({ job, version: isBack ? version : null, at, step: isBack ? 'begin' : 'fetch', said: null })
    }
  }
  const work = async (one: HeldJob): Promise<void> => {
    one.at = now + (isChance(0.1) ? upTo(3 * hourMs) : upTo(2 * secondMs))
    if (one.step === 'fetch') {
      const pem = await newestFor({ store }, agent, certificateId).catch((error: unknown) => {
        if (error instanceof Refusal) return null
        throw error
      })
      one.at = now + upTo(30 * secondMs)
      if (pem === null) return
      one.version = await plain.versions.numbered(certificateId, Number(pem))
      one.step = 'begin'
    } else if (one.step === 'begin') {
      await report(one, 'Running')
      served.add(one.version?.spki ?? '')
      switches += 1
      one.step = 'end'
      tell(`the host serves ${one.version?.spki}, too`)
      check('a switch')
    } else if (one.step === 'end') {
      one.said = pick(['proven', 'proven', 'proven', 'unproven', 'rolled-back', null] as const) ?? null
      const isChanged = one.said === 'proven' || one.said === 'unproven' || (one.said === null && isChance(0.5))
      const spki = one.version?.spki ?? ''
      if (isChanged) {
        served.clear()
        served.add(spki)
      } else if (served.size > 1) served.delete(spki)
      tell(`${one.job.id} of ${spki} is ${one.said}; the host serves ${[...served].join(' ')}`)
      one.step = 'report'
      if (one.said === null) one.at = now + upTo(12 * hourMs)
    } else {
      await report(one, one.said === 'rolled-back' ? 'Failed' : 'Completed')
      held.splice(held.indexOf(one), 1)
    }
  }
  const report = async ({ job, version, said }: HeldJob, status: 'Running' | 'Completed' | 'Failed'): Promise<void> => {
    const certificate = isChance(0.5) ? { certificate: { sha256: version?.fingerprint } } : {}
    const outcomes = {
      proven: { outcome: 'deployed', proven: true, ...certificate },
      unproven: { outcome: 'deployed', proven: false, ...certificate },
      'rolled-back': { outcome: 'rolled-back', proven: false },
    }
    const outcome = status === 'Running' || said === null ? null : outcomes[said]
    const error = status === 'Failed' ? 'VERIFY_FAILED' : null
    await reportJob({ store }, agent, { jobId: job.id, status, error, outcome })
  }

  let isSigning: string | null = null
  let wish: Pick<HostRollback, 'fingerprint' | 'jobId'> | null = null
  const people = {
    renew: async () => {
      if (isSigning !== null) return
      // Lost or forced, it is another key than the one that was made ahead.
      const spki = nextSpki !== null && isChance(0.7) ? nextSpki : newKey()
      nextSpki = isChance(0.9) ? newKey() : null
      isSigning = spki
      tell(`a CSR for ${spki}; the next key is ${nextSpki}`)
      const signing = { id: `signing-${spki}`, jobId: null, certificateId, csrPem: '', spki, state: 'open' } as const
      await plain.transaction(async (inside) => {
        await inside.signings.add({ ...signing, attempts: 0, nextTryAt: now, error: null })
        await inside.certificates.plan(certificateId, { nextSpki })
      })
    },
    sign: async () => {
      const spki = isSigning
      if (spki === null) return
      isSigning = null
      await plain.transaction(async (inside) => {
        await inside.signings.end(`signing-${spki}`, 'signed', null)
        const versionNumber = await addVersion(inside, spki)
        await addJob(inside, { ...deployment, versionNumber })
        tell(`version ${versionNumber} of ${spki} is signed`)
      })
    },
    takeBack: async () => {
      const newest = (await plain.versions.newest(certificateId))?.number ?? 1
      const versionNumber = Math.max(1, newest - 1 - upTo(3))
      const id = await addJob(plain, { ...deployment, type: 'TakeBack', versionNumber })
      tell(`an operator takes back to version ${versionNumber}: ${id}`)
    },
    /** `waxseal rollback` on the host, a question at a time. */
    goBack: async () => {
      const newest = (await plain.versions.newest(certificateId))?.number ?? 1
      const asked = wish ?? { fingerprint: `leaf-${Math.max(1, newest - upTo(4))}`, jobId: null }
      const { status, jobId } = await askHostRollback({ store }, agent, { ...asked, targetId, waitMs: 2 * hourMs })
      wish = status === 'waiting' && isChance(0.95) ? { ...asked, jobId } : null
      const job = jobId === null ? null : await plain.jobs.byId(jobId)
      if (job === null || held.some((one) => one.job.id === job.id)) return
      if (status === 'waiting' && wish === null && isChance(0.5))
        await reportJob({ store }, agent, { jobId: job.id, status: 'Cancelled', error: null, outcome: null })
      if (status !== 'ready') return
      tell(`the host is told that it may go back to version ${job.versionNumber}: ${job.id}`)
      const version = await plain.versions.numbered(certificateId, job.versionNumber ?? 1)
      const at = now + (isChance(0.1) ? upTo(3 * hourMs) : upTo(secondMs))
      held.push({ job, version, at, step: 'begin', said: null })
    },
    deploy: async () => {
      const versionNumber = (await plain.versions.newest(certificateId))?.number ?? 1
      await addJob(plain, { ...deployment, versionNumber })
    },
    cancel: async () => {
      const [job] = await plain.jobs.list({ limit: 1 }, { targetId })
      if (job !== undefined) await cancelJob({ store: plain }, 'operator:ann', job.id).catch(() => {})
    },
    end: async () => {
      const job = pick(held)?.job
      if (job !== undefined && (await plain.jobs.end(job.id, 'an operator ended it', now)))
        tell(`${job.id} is ended by word`)
    },
    removeRecord: async () => {
      if (replicas.some(({ isBusy }) => isBusy)) return
      const record = pick(zone.records)
      if (record === undefined) return
      const passes = (await plain.rollovers.passes(targetId)).filter(({ until }) => until > now)
      const passed: string[] = []
      for (const { versionNumber } of passes)
        passed.push((await plain.versions.numbered(certificateId, versionNumber))?.spki ?? '')
      const isInUse = [...served, ...passed, ...held.map(({ version }) => version?.spki)].includes(record.data)
      if (isInUse) return
      zone.change((records) => without(records, [record]))
      tell(`somebody removes ${record.data}`)
      check('a removal')
    },
    changeTtl: async () => {
      // One that is there for less time than the looks are apart nobody sees.
      if (replicas.some(({ isBusy }) => isBusy) || now - lastTtlChange < 2 * hourMs) return
      lastTtlChange = now
      const ttlMs = pick([60, 300, 3600, 14_400].map((s) => s * secondMs)) ?? 0
      zone.change((records) => records, ttlMs)
      tell(`somebody sets the TTL to ${ttlMs / secondMs}`)
    },
    keepZone: async () => {
      if (!isByHand || now - lastTtlChange < 30 * minuteMs) return
      const [name] = await plain.rollovers.names(targetId)
      if (name === undefined) return
      const { publish, remove } = await byHandAt(plain, name, await plain.rollovers.records(targetId))
      if (publish.length + remove.length === 0) return
      const [added, removed] = [publish.map(recordIn), remove.map(recordIn)]
      // One edit of the zone.
      zone.change((there) => [...without(there, [...added, ...removed]), ...added])
      tell(`somebody publishes ${publish.join(', ')}, removes ${remove.join(', ')}`)
      check('a change by hand')
    },
  }
  const often = {
    renew: 0.03,
    sign: 0.1,
    takeBack: 0.01,
    goBack: 0.05,
    deploy: 0.005,
    cancel: 0.005,
    end: 0.01,
    removeRecord: 0.01,
    changeTtl: 0.005,
    keepZone: 0.1,
  }
  await turnRolloverOn({ store }, 'operator:ann', targetId, [owner])

  const nextLooks = async (): Promise<readonly number[]> => {
    const due = (await plain.rollovers.of(targetId))?.nextLookAt ?? 0
    return replicas.flatMap(({ isBusy, next }) => (isBusy ? [] : [Math.max(next, due)]))
  }

  return {
    step: async () => {
      const host = isChance(0.02) ? now + upTo(20 * hourMs) : now + upTo(20 * minuteMs)
      const busy = [...sleepers.map(({ at }) => at), ...held.map(({ at }) => at), zone.nextTransfer()]
      now = Math.max(now, Math.min(host, ...busy, ...(await nextLooks())))
      zone.transfer()
      check('time')
      for (const one of sleepers.filter(({ at }) => at <= now)) {
        sleepers.splice(sleepers.indexOf(one), 1)
        one.wake()
        await settled()
      }
      for (const replica of replicas) if (!replica.isBusy && replica.next <= now) await advance(replica)
      await settled()
      if (isChance(0.5)) await claim()
      for (const one of held.filter(({ at }) => at <= now)) await work(one)
      for (const [name, share] of Object.entries(often))
        if (isChance(share)) await people[name as keyof typeof people]()
      await settled()
    },
    end: async (): Promise<WorldEnd> => {
      for (const { wake } of sleepers.splice(0)) wake()
      return { violations, switches, crashes, story }
    },
  }
}

/** The record of a line as zone files have it. */
function recordIn(line: string): TlsaRecord {
  const [usage, selector, matchingType, data = ''] = line.replace(/^.* TLSA /, '').split(' ')
  return { usage: Number(usage), selector: Number(selector), matchingType: Number(matchingType), data }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 25; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}
