import { createHash, generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { createCertificateRequest } from '../../../src/material/certificate-request.ts'
import { openAuthority } from '../../../src/server/authority/authority.ts'
import type { Issuer } from '../../../src/server/issuer/issuer.ts'
import { localIssuer } from '../../../src/server/issuer/local-issuer.ts'
import { Presence } from '../../../src/server/operation/agent/presence.ts'
import { retireAgent } from '../../../src/server/operation/agent/retire-agent.ts'
import { listCertificates } from '../../../src/server/operation/certificate/list-certificates.ts'
import { renewCertificate } from '../../../src/server/operation/certificate/renew-certificate.ts'
import { changePolicy } from '../../../src/server/operation/certificate/renewal-policy.ts'
import { requestCertificate } from '../../../src/server/operation/certificate/request-certificate.ts'
import { revokeCertificate } from '../../../src/server/operation/certificate/revoke-certificate.ts'
import { openSigner } from '../../../src/server/operation/certificate/signer.ts'
import { submitCsr } from '../../../src/server/operation/certificate/submit-csr.ts'
import { cancelJob } from '../../../src/server/operation/job/cancel-job.ts'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { deployCertificate, takeBackTarget } from '../../../src/server/operation/job/deploy-certificate.ts'
import { endJob } from '../../../src/server/operation/job/end-job.ts'
import { reportJob } from '../../../src/server/operation/job/report-job.ts'
import { keepTime } from '../../../src/server/operation/keep-time.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import type { RenewalPolicy } from '../../../src/server/store/store.ts'
import { startPostgres } from '../../support/postgres.ts'
import { quickIssuer } from '../../support/quick-issuer.ts'
import { agentRow, openStoreSite } from '../../support/store-site.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2026-11-01T00:00:00Z')
const agent = agentRow({ registeredAt: start })

const postgres = await startPostgres(t)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: a certificate is renewed when it is due, once, whoever looks`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net')
    const due = await site.due(id)

    site.setTime(due - 1)
    t.equal(await renewDue(site.store), 0)
    site.setTime(due)
    await Promise.all(Array.from({ length: 5 }, () => renewDue(site.store)))
    t.match(await site.open(), [{ type: 'Renewal', status: 'AwaitingCSR', certificateId: id }])
    t.equal((await site.open()).length, 1)
    await site.answer('new key')

    t.match(await site.store.versions.newest(id), { number: 2, notBefore: Math.floor(due / 1000) * 1000 - 60_000 })
    t.match(await site.store.certificates.byId(id), { renewalFailures: 0, lastError: null })
    t.equal((await site.store.certificates.byId(id))?.nextRenewalAt, await site.due(id))
    t.match(await site.open(), [{ type: 'Deployment', versionNumber: 2 }])
  })

  t.test(`${kind}: a renewal that failed is begun again, one that nobody has taken stays`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net')
    site.setTime(await site.due(id))
    await renewDue(site.store)
    const [first] = await site.open()
    site.pass(10 * dayMs)
    await renewDue(site.store)
    t.match(await site.open(), [{ id: first?.id }], 'the agent is silent')

    await site.report(first?.id ?? '', 'Failed')
    await renewDue(site.store)
    const [second] = await site.open()
    t.not(second?.id, first?.id)
    t.match(await site.store.certificates.byId(id), { renewalFailures: 1, lastError: 'no memory' })
    await site.report(second?.id ?? '', 'Failed')
    await renewDue(site.store)
    t.same(await site.open(), [], 'not at once')
    site.pass(10 * 60_000)
    await renewDue(site.store)
    t.match(await site.open(), [{ type: 'Renewal' }])
    t.match(await site.store.certificates.byId(id), { renewalFailures: 2 })
  })

  t.test(`${kind}: what is overdue is renewed nearest end first, fifty at a look`, async (t) => {
    const site = await openSite(t, kind)
    const ids: string[] = []
    for (let count = 0; count < 53; count += 1)
      ids.push(await site.issued(`mail-${count}.example.net`, { validityDays: 40 - (count % 10), deployTo: [] }))

    site.pass(60 * dayMs)
    t.equal(await renewDue(site.store), 50)
    const left = await Promise.all(
      (await site.store.certificates.list({ limit: 100 })).map(async ({ id }) =>
        (await site.store.jobs.lastIssuance(id))?.type === 'Renewal'
          ? null
          : (await site.store.versions.newest(id))?.notAfter,
      ),
    )
    t.same(
      left.filter((one) => one !== null),
      Array.from({ length: 3 }, () => start + 40 * dayMs),
    )
    t.equal(await renewDue(site.store), 3)
    t.equal(await renewDue(site.store), 0)
  })

  t.test(`${kind}: a CSR that its issuer would not sign is signed at once when another issuer is named`, async (t) => {
    const site = await openSite(t, kind)
    site.down.add('one')
    const id = await site.issued('mail.example.net', { policy: { issuers: ['one'] }, isAnswered: false })
    await t.rejects(site.answer('key'), { message: /not signed yet/ })
    t.equal(await site.store.versions.newest(id), null)

    await changePolicy(site, 'operator:a', id, { issuers: ['two'] })
    await site.signer.signDue()

    t.match(await site.store.versions.newest(id), { number: 1, issuer: 'two' })
  })

  t.test(`${kind}: a CSR that waits for its issuer is cancelled at once, and never signed`, async (t) => {
    const site = await openSite(t, kind)
    for (const name of ['one', 'two']) site.down.add(name)
    const id = await site.issued('mail.example.net', { isAnswered: false })
    await t.rejects(site.answer('key'), { message: /not signed yet/ })
    const [job] = await site.open()
    t.match(job, { type: 'Issuance', status: 'Running' })
    await t.rejects(endJob(site, 'operator:a', job?.id ?? ''), { message: /no agent has this job/ })

    t.equal(await cancelJob(site, 'operator:a', job?.id ?? ''), 'Cancelled')
    site.down.clear()
    site.pass(dayMs)
    await site.signer.signDue()

    t.equal(await site.store.versions.newest(id), null)
    t.match(await site.store.jobs.byId(job?.id ?? ''), { status: 'Cancelled', error: /before it was signed/ })
  })

  t.test(`${kind}: a deployment that an operator ended is tried again, unless it was to be cancelled`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net', { isDeployed: false })
    const [first] = await claimed()
    site.pass(hourMs)
    await endJob(site, 'operator:a', first?.id ?? '')
    site.pass(hourMs)
    await renewDue(site.store)
    const [second] = await claimed()
    t.match(second, { type: 'Deployment', certificateId: id })
    t.not(second?.id, first?.id)

    t.equal(await cancelJob(site, 'operator:a', second?.id ?? ''), 'Running')
    site.pass(hourMs)
    await endJob(site, 'operator:a', second?.id ?? '')
    site.pass(dayMs)
    // Whatever has the scheduler look, such as another target.
    await site.store.certificates.plan(id, { nextRenewalAt: start, renewalFailures: 0, lastError: null })
    t.equal(await renewDue(site.store), 1)
    t.same(await site.open(), [])

    async function claimed() {
      await claimWork(site, agent)
      return site.open()
    }
  })

  t.test(`${kind}: what is signed for an agent that was retired meanwhile is deployed nowhere`, async (t) => {
    const site = await openSite(t, kind)
    for (const name of ['one', 'two']) site.down.add(name)
    const id = await site.issued('mail.example.net', { isAnswered: false })
    await t.rejects(site.answer('key'), { message: /not signed yet/ })
    await retireAgent(site, 'operator:a', agent.id)
    site.down.clear()
    site.pass(dayMs)
    await site.signer.signDue()

    t.match(await site.store.versions.newest(id), { number: 1 })
    t.same(await site.open(), [])
  })

  t.test(`${kind}: an issuer that fails as often as it may hands over to the next one in order`, async (t) => {
    const site = await openSite(t, kind)
    site.down.add('one')
    const id = await site.issued('mail.example.net', { policy: { fallBackAfter: 1 } })

    t.match(await site.store.versions.newest(id), { issuer: 'two' })
    site.down.add('two')
    site.setTime(await site.due(id))
    await renewDue(site.store)
    await t.rejects(site.answer('second'), { message: /not signed yet/ })
    t.match(await site.store.certificates.byId(id), { lastError: /one: .*one is down.*two: .*two is down/ })
    site.down.clear()
    site.pass(dayMs)
    await site.signer.signDue()
    t.match(await site.store.versions.newest(id), { number: 2, issuer: 'one' })
    t.match(await site.store.certificates.byId(id), { lastError: null })
  })

  t.test(`${kind}: the next issuer is asked when the first has failed for a day, and not before`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net')
    site.down.add('one')
    const due = await site.due(id)
    site.setTime(due)
    await renewDue(site.store)
    await t.rejects(site.answer('second'), { message: /not signed yet/ })
    while ((await site.store.versions.newest(id))?.number === 1) {
      site.pass(hourMs / 4)
      await site.signer.signDue()
    }

    const hours = ((await site.store.now()) - due) / hourMs
    t.ok(hours > 20 && hours < 50, `${hours} hours`)
    t.match(await site.store.versions.newest(id), { number: 2, issuer: 'two' })
    t.same(await site.store.issuerTries.of('any'), [])
  })

  t.test(`${kind}: of an issuer that has failed, the first to be back is asked again first`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net', { policy: { fallBackAfter: 2 } })
    for (const name of ['one', 'two']) site.down.add(name)
    site.setTime(await site.due(id))
    await renewDue(site.store)
    await t.rejects(site.answer('second'), { message: /not signed yet/ })
    site.pass(hourMs)
    await site.signer.signDue()
    t.match(await site.store.certificates.byId(id), { lastError: /one: .*one is down.*two: .*two is down/ })

    site.down.clear()
    site.pass(hourMs)
    await site.signer.signDue()
    t.match(await site.store.versions.newest(id), { number: 2, issuer: 'one' })
  })

  t.test(`${kind}: a deployment that failed is tried again, unless somebody took the target back`, async (t) => {
    const site = await openSite(t, kind)
    await site.issued('mail.example.net', { isDeployed: false })
    const [first] = await site.open()
    await site.report(first?.id ?? '', 'Failed')

    await renewDue(site.store)
    t.same(await site.open(), [])
    site.pass(15 * 60_000)
    await renewDue(site.store)
    const [second] = await site.open()
    t.match(second, { type: 'Deployment', targetId: 'target-1', versionNumber: 1 })
    t.not(second?.id, first?.id)
    await site.report(second?.id ?? '', 'Failed')
    await site.store.jobs.add({
      id: 'back',
      type: 'TakeBack',
      status: 'Pending',
      agentId: agent.id,
      certificateId: second?.certificateId ?? '',
      targetId: 'target-1',
      versionNumber: null,
      createdAt: start,
    })
    site.pass(dayMs)
    await renewDue(site.store)
    t.match(await site.open(), [{ id: 'back' }])
    t.equal((await site.open()).length, 1)
  })

  t.test(
    `${kind}: a host that has lost the key gets another certificate, once a day, and what it serves does not end`,
    async (t) => {
      const site = await openSite(t, kind)
      const id = await site.issued('mail.example.net')
      const lose = async (): Promise<void> => {
        for (const { id: jobId, type } of await site.open())
          if (type === 'Deployment')
            await reportJob(site, agent, { jobId, status: 'Failed', error: 'KEY_MISSING: no key', outcome: null })
      }
      site.setTime(await site.due(id))
      await renewDue(site.store)
      await site.answer('a key that its snapshot has not')
      await lose()

      site.pass(hourMs)
      await renewDue(site.store)
      t.match(await site.open(), [{ type: 'Renewal', status: 'AwaitingCSR' }])
      await site.answer('its new key')
      t.match(await site.store.versions.newest(id), { number: 3 })
      await lose()
      site.pass(hourMs)
      await renewDue(site.store)
      t.match(await site.open(), [{ type: 'Deployment', versionNumber: 3 }], 'not in a circle')
      await lose()
      site.pass(dayMs)
      await renewDue(site.store)
      t.match(await site.open(), [{ type: 'Renewal' }])
    },
  )

  t.test(`${kind}: of two certificates for one target the later one alone is renewed`, async (t) => {
    const site = await openSite(t, kind)
    const old = await site.issued('mail.example.net')
    site.pass(hourMs)
    const id = await site.issued('mail.example.net')

    site.pass(40 * dayMs)
    await renewDue(site.store)
    t.match(await site.open(), [{ certificateId: id }])
    t.equal((await site.open()).length, 1)
    t.match(await site.store.certificates.byId(old), { nextRenewalAt: null, lastError: /other certificates since/ })
  })

  t.test(`${kind}: a certificate of a retired agent is not renewed`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net')
    await site.store.agents.retire(agent.id)
    site.setTime(await site.due(id))
    await renewDue(site.store)

    t.same(await site.open(), [])
    t.match(await site.store.certificates.byId(id), { nextRenewalAt: null, lastError: /retired/ })
    await t.rejects(renewCertificate(site, 'operator:a', id), { message: /retired/ })
    t.match(await revokeCertificate(site, 'operator:a', id), { jobId: null })
  })

  t.test(`${kind}: what was planned while the clock was a year ahead waits for no year`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net')
    const ahead = { ...agent, features: ['lease', 'csr_accepted'] }
    await deployCertificate(site, 'operator:a', id, 'target-1')
    site.pass(366 * dayMs)
    await site.presence.hear(agent.id)
    await site.presence.flush()
    t.match(await claimWork(site, ahead), [{ job: { type: 'Deployment' } }], 'and its answer is lost')
    await renewDue(site.store)
    for (const name of ['one', 'two']) site.down.add(name)
    await t.rejects(site.answer('key of the future'), /down/)
    await keepTime(site)
    site.down.clear()

    site.setTime(start + dayMs)
    await keepTime(site)

    t.match(await claimWork(site, ahead), [{ job: { type: 'Deployment', attempt: 2 } }])
    await site.signer.signDue()
    t.match(await site.store.versions.newest(id), { number: 2, notAfter: start + 48 * dayMs })
    t.equal(await site.store.server.upSince(), start + dayMs)
    t.match(await site.store.presence.of(agent.id), { seenAt: start + dayMs })
  })

  t.test(`${kind}: what was signed while the clock was ahead is renewed when it is right again`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net')
    site.pass(366 * dayMs)
    await renewDue(site.store)
    await site.answer('key of the future')
    await site.finishAll()
    await keepTime(site)

    site.setTime(start + dayMs)
    await keepTime(site)
    await renewDue(site.store)

    t.match(await site.open(), [{ type: 'Renewal', status: 'AwaitingCSR', certificateId: id }])
  })

  t.test(`${kind}: a long list of certificates lets others be served while it is made`, async (t) => {
    const site = await openSite(t, kind)
    for (let count = 0; count < 50; count += 1) await site.issued(`mail-${count}.example.net`, { isAnswered: false })
    let [served, isListed] = [0, false]
    const serve = (): void => {
      served += 1
      if (!isListed) setImmediate(serve)
    }
    setImmediate(serve)

    const { length } = await listCertificates(site, { limit: 1000 })
    isListed = true

    t.equal(length, 50)
    t.ok(served >= 5, `${served} times`)
  })

  t.test(`${kind}: renew begins now, by id or name, and once`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net')

    t.match(await renewCertificate(site, 'operator:a', 'mail.example.net'), { certificateId: id })
    await t.rejects(renewCertificate(site, 'operator:a', id), { message: /issued already/ })
    await t.rejects(renewCertificate(site, 'operator:a', 'mial.example.net'), { message: /is mail.example.net meant/ })
    await site.issued('mail.example.net', { isAnswered: false })
    await t.rejects(renewCertificate(site, 'operator:a', 'mail.example.net'), { message: /2 certificates.*by its id/ })
  })

  t.test(`${kind}: revoke asks for a new key, and takes none of the old ones`, async (t) => {
    const site = await openSite(t, kind, true)
    const id = await site.issued('mail.example.net', { key: 'key one' })
    await renewCertificate(site, 'operator:a', id)
    await site.answer('key two')
    await site.finishAll()

    const { serials, jobId } = await revokeCertificate(site, 'operator:a', 'mail.example.net')
    t.equal(serials.length, 2)
    t.same((await site.store.versions.revoked(start)).map(({ serial }) => serial).toSorted(), [...serials].toSorted())
    t.match(await site.store.jobs.byId(jobId ?? ''), { type: 'Renewal', status: 'AwaitingCSR' })
    for (const key of ['key one', 'key two']) await t.rejects(site.answer(key), { message: /was revoked/ })
    t.ok((await site.store.certificates.byId(id))?.revokedAt)
    await site.answer('key three')
    t.match(await site.store.versions.newest(id), { number: 3, revokedAt: null })
    t.equal((await site.store.certificates.byId(id))?.revokedAt, null)
    await site.finishAll()
    t.match(await revokeCertificate(site, 'operator:a', id), { serials: { length: 3 } })
  })

  t.test(`${kind}: nothing is deployed that was revoked, is not signed, or would come too late`, async (t) => {
    const site = await openSite(t, kind, true)
    const id = await site.issued('mail.example.net')
    const unsigned = await site.issued('imap.example.net', { isAnswered: false })
    const deploy = (certificate: string, deadline: number | null = null, notBefore: number | null = null) =>
      deployCertificate(site, 'operator:a', certificate, 'target-1', { notBefore, deadline })

    await t.rejects(deploy(unsigned), { message: /not signed yet/ })
    await t.rejects(deploy(id, start), { message: /deadline/ })
    await t.rejects(deploy(id, start + hourMs, start + hourMs), { message: /deadline/ })
    t.ok(await deploy(id, start + hourMs))
    await revokeCertificate(site, 'operator:a', id)
    await t.rejects(deploy(id), { message: /was revoked/ })
    await t.rejects(takeBackTarget(site, 'operator:a', 'target-1', id), { message: /was revoked/ })
  })

  t.test(`${kind}: a CSR with the key that is revoked while it waits is not signed`, async (t) => {
    const site = await openSite(t, kind, true)
    const id = await site.issued('mail.example.net', { key: 'key one' })
    // Its agent keeps the key: this is no copy of its first CSR.
    site.pass(dayMs)
    await renewCertificate(site, 'operator:a', id)
    for (const name of ['one', 'two']) site.down.add(name)
    await t.rejects(site.answer('key one'), { message: /not signed yet/ })
    const { jobId } = await revokeCertificate(site, 'operator:a', id)
    site.down.clear()
    site.pass(dayMs)
    await site.signer.signDue()

    t.match(await site.store.versions.newest(id), { number: 1 })
    t.match(await site.open(), [{ id: jobId, status: 'AwaitingCSR' }])
  })

  t.test(`${kind}: the list says where a certificate is deployed, and where it is proven`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.issued('mail.example.net', { isDeployed: false })
    const list = () => listCertificates(site, { limit: 10 })

    t.match(await list(), [
      { version: { number: 1 }, targets: [{ target: { name: 'target-1' }, inPlace: null, failed: null }] },
    ])
    await site.finishAll({ outcome: 'deployed', proven: true })
    t.match(await list(), [
      {
        agentName: 'mail-1',
        nextRenewalAt: await site.due(id),
        issuance: null,
        targets: [{ inPlace: { versionNumber: 1, outcome: { proven: true } } }],
      },
    ])
    site.setTime(await site.due(id))
    await renewDue(site.store)
    t.match(await list(), [{ nextRenewalAt: null, issuance: { type: 'Renewal', status: 'AwaitingCSR' } }])
    await site.answer('another')
    await site.report((await site.open())[0]?.id ?? '', 'Failed')
    t.match(await list(), [
      {
        version: { number: 2 },
        targets: [{ inPlace: { versionNumber: 1 }, failed: { versionNumber: 2, error: 'no memory' } }],
      },
    ])
  })
}

/** `isReal`: keys and signatures are; else a key is a text, and its CSR, too, and no certificate has it. */
async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL', isReal = false) {
  let keys = 0
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const { store, setTime, pass, due } = await openStoreSite(t, { database, start, agent, targets: ['target-1'] })
  const down = new Set<string>()
  const { issuers, check } = await (isReal ? realIssuers(t, down) : quickIssuers(down))
  const parts = { store, presence: new Presence(store, start), down, signer: openSigner({ store, issuers, check }) }
  const csrOf = isReal ? realCsrs() : async (key: string) => key
  const answer = async (key: string): Promise<void> => {
    for (const { job, certificate } of await claimWork(parts, agent))
      if (job.status === 'AwaitingCSR')
        await submitCsr(parts, agent, {
          certificateId: job.certificateId,
          csrPem: await csrOf(key, certificate.commonName),
        })
  }
  const report = (jobId: string, status: 'Completed' | 'Failed', outcome: object | null = null) =>
    reportJob(parts, agent, { jobId, status, error: status === 'Failed' ? 'no memory' : null, outcome })
  const open = async () =>
    (await store.jobs.list({ limit: 1000 })).filter(({ status }) =>
      ['Pending', 'AwaitingCSR', 'Running'].includes(status),
    )
  const finishAll = async (outcome: object = {}): Promise<void> => {
    for (const { id, type } of await open()) if (type === 'Deployment') await report(id, 'Completed', outcome)
  }
  return {
    ...parts,
    answer,
    report,
    open,
    finishAll,
    setTime,
    pass,
    due,
    issued: async (
      commonName: string,
      {
        validityDays = 47,
        deployTo = ['target-1'],
        key = `key ${(keys += 1)}`,
        isAnswered = true,
        isDeployed = true,
        policy = {},
      }: {
        readonly validityDays?: number
        readonly deployTo?: readonly string[]
        readonly key?: string
        readonly isAnswered?: boolean
        readonly isDeployed?: boolean
        readonly policy?: Partial<RenewalPolicy>
      } = {},
    ): Promise<string> => {
      const wanted = { agent: agent.id, commonName, sans: [], validityDays, deployTo, policy }
      const { certificateId } = await requestCertificate(parts, 'operator:a', wanted)
      if (isAnswered) await answer(key)
      if (isAnswered && isDeployed) await finishAll()
      return certificateId
    },
  }
}

async function quickIssuers(down: ReadonlySet<string>) {
  const issuers = await Promise.all(['one', 'two'].map((name) => quickIssuer(name, () => down.has(name))))
  return { issuers, check: async (csr: string) => createHash('sha256').update(csr).digest('hex') }
}

async function realIssuers(t: Test, down: ReadonlySet<string>) {
  const authority = await openAuthority(t.testdir({}))
  const local = localIssuer(authority)
  const sign: Issuer['sign'] = async (request) => {
    if (down.has('one')) throw new Error('one is down')
    return local.sign(request)
  }
  return { issuers: [{ name: 'one', sign }], check: authority.check }
}

/** CSRs by the names of their keys. */
function realCsrs() {
  const keys = new Map<string, string>()
  return async (key: string, commonName: string): Promise<string> => {
    const keyPem = keys.get(key) ?? newKey()
    keys.set(key, keyPem)
    return createCertificateRequest({ commonName, sans: [], keyPem })
  }
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
}
