import { X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import { changePolicy } from '../../../src/server/operation/certificate/renewal-policy.ts'
import { type Binding, bindDiscovered } from '../../../src/server/operation/discovery/bind-discovered.ts'
import { mostOfAgent, recordCertificates } from '../../../src/server/operation/discovery/record-certificates.ts'
import { cancelJob } from '../../../src/server/operation/job/cancel-job.ts'
import { WorkBell } from '../../../src/server/operation/job/work-bell.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import { dueAt } from '../../../src/server/renewal/when-due.ts'
import type { FoundRow } from '../../../src/server/store/discovered-store.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow, openStoreSite, signerThatEnds } from '../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const dayMs = 86_400_000
const agent = agentRow({ registeredAt: start })
const authority = await makeAuthority()
const [notBefore, notAfter] = [new Date(start - 30 * dayMs), new Date(start + 60 * dayMs)]
const pair = await authority.issue({ names: ['mail.example.net', 'imap.example.net'], notBefore, notAfter })
const other = await authority.issue({ names: ['www.example.net'], notBefore, notAfter })
const told = { pem: pair.certificatePem, path: '/etc/ssl/mail.pem', format: 'PEM' } as const
const all = { limit: 1000 }
const binding: Binding = { fingerprint: pair.sha256, target: 'postfix', validityDays: 47, policy: {}, isNow: false }

const postgres = await startPostgres(t)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: what was found is kept as the certificate itself says it`, async (t) => {
    const { store } = await openSite(t, kind)

    t.same(await recordCertificates({ store }, agent, [told, { ...told, pem: 'x' }], []), {
      found: 1,
      leftOut: 1,
      gone: 0,
    })

    t.match(await store.discovered.list(all, { hasCas: false }), [
      {
        agentName: 'mail-1',
        fingerprint: pair.sha256,
        path: '/etc/ssl/mail.pem',
        format: 'PEM',
        commonName: 'mail.example.net',
        sans: ['mail.example.net', 'imap.example.net'],
        issuer: 'CN=Waxseal test CA',
        serial: new X509Certificate(pair.certificatePem).serialNumber.toLowerCase(),
        notBefore: notBefore.getTime(),
        notAfter: notAfter.getTime(),
        keyAlgorithm: 'ECDSA',
        keySize: 256,
        isCa: false,
        firstSeen: start,
        lastSeen: start,
        goneAt: null,
        certificateId: null,
        status: 'new',
      },
    ])
    t.match((await store.audit.list(all)).length + (await store.audit.chain(10)), 1)
  })

  t.test(`${kind}: found again it is the same one, gone it says since when, and back again it is new`, async (t) => {
    const { store, pass } = await openSite(t, kind)
    await recordCertificates({ store }, agent, [told], [])
    const place = { fingerprint: pair.sha256, path: told.path }

    pass(1000)
    await recordCertificates({ store }, agent, [told, told], [])
    t.match(await store.discovered.list(all, { hasCas: false }), [{ firstSeen: start, lastSeen: start + 1000 }])
    await recordCertificates({ store }, agent, [], [place, { ...place, path: '/none' }])
    t.match(await store.discovered.list(all, { hasCas: false, status: 'gone' }), [{ goneAt: start + 1000 }])
    await recordCertificates({ store }, agent, [told], [])
    t.match(await store.discovered.list(all, { hasCas: false }), [{ status: 'new', goneAt: null }])
  })

  t.test(`${kind}: CAs are listed where they are asked for, and lists come in parts`, async (t) => {
    const { store } = await openSite(t, kind)
    const paths = Array.from({ length: 5 }, (_, at) => `/${at}`)
    await recordCertificates({ store }, agent, [{ ...told, pem: authority.certificatePem }], [])
    await recordCertificates(
      { store },
      agent,
      paths.map((path) => ({ ...told, path })),
      [],
    )
    const { discovered } = store

    t.equal((await discovered.list(all, { hasCas: true })).length, 6)
    const first = await discovered.list({ limit: 3 }, { hasCas: false, agentId: agent.id })
    const rest = await discovered.list({ limit: 3, after: String(first.at(-1)?.seq) }, { hasCas: false })
    t.same(
      [...first, ...rest].map(({ path }) => path),
      paths,
    )
    t.same(await discovered.list(all, { hasCas: true, agentId: 'agent-2' }), [])
    await store.agents.retire(agent.id)
    t.same(await discovered.list(all, { hasCas: true }), [], 'of a host that is gone')
  })

  t.test(`${kind}: of one agent no more than a bound is kept; what is gone makes room first`, async (t) => {
    const { store, pass } = await openSite(t, kind)
    await store.transaction(async (inside) => {
      for (let at = 0; at < mostOfAgent - 1; at += 1) await inside.discovered.see(row(`/${at}`), start)
    })
    const tell = (...paths: readonly string[]) =>
      recordCertificates(
        { store },
        agent,
        paths.map((path) => ({ ...told, path })),
        [],
      )

    t.match(await tell('/a', '/b', '/0'), { found: 2, leftOut: 1 }, 'one that is known has its place')
    await recordCertificates({ store }, agent, [], [{ fingerprint: pair.sha256, path: '/1' }])
    pass(1)
    t.match(await tell('/b', '/c'), { found: 1, leftOut: 1 })
    t.equal(await store.discovered.count(agent.id), mostOfAgent)
    t.notOk(await store.discovered.has({ agentId: agent.id, fingerprint: pair.sha256, path: '/1' }))
  })

  t.test(`${kind}: one that is bound is replaced when it is due, with a new key, and not before`, async (t) => {
    const { store, setTime, parts } = await openSite(t, kind)
    await recordCertificates({ store }, agent, [told, { ...told, path: '/elsewhere' }], [])

    const { certificateId, jobId, nextRenewalAt } = await bindDiscovered(parts, 'operator:x', binding)

    const due = dueAt({ certificateId, notBefore: notBefore.getTime(), notAfter: notAfter.getTime() }, null)
    t.same([jobId, nextRenewalAt], [null, due])
    t.match(await store.certificates.byId(certificateId), {
      agentId: agent.id,
      commonName: 'mail.example.net',
      sans: ['imap.example.net'],
      nextRenewalAt: due,
      keyPolicy: 'rotate',
      keyType: null,
      fallBackAfter: null,
      fallBackShare: null,
    })
    t.same(await store.certificates.deployedTo(certificateId), ['postfix'])
    t.match(await store.discovered.list(all, { hasCas: false, status: 'bound' }), [
      { certificateId },
      { certificateId },
    ])
    setTime(due - 1)
    t.equal(await renewDue(store), 0)
    setTime(due)
    t.equal(await renewDue(store), 1)
    t.match(await openJobs(store), [{ type: 'Renewal', status: 'AwaitingCSR', certificateId }])
  })

  t.test(`${kind}: a look that comes too early plans the right time, and a policy counts`, async (t) => {
    const { store, parts } = await openSite(t, kind)
    await recordCertificates({ store }, agent, [told], [])
    const { certificateId, nextRenewalAt } = await bindDiscovered(parts, 'operator:x', binding)
    await store.certificates.plan(certificateId, { nextRenewalAt: start })

    t.equal(await renewDue(store), 1)
    t.match(await store.certificates.byId(certificateId), { nextRenewalAt })
    t.same(await openJobs(store), [])
    await changePolicy(parts, 'operator:x', certificateId, { renewShare: 0.5 })
    const sooner = dueAt({ certificateId, notBefore: notBefore.getTime(), notAfter: notAfter.getTime() }, 0.5)
    t.match(await store.certificates.byId(certificateId), { nextRenewalAt: sooner })
    t.ok(sooner < (nextRenewalAt ?? 0))
  })

  t.test(`${kind}: bound with --now it is requested at once, and again where that fails`, async (t) => {
    const { store, parts, pass } = await openSite(t, kind)
    await recordCertificates({ store }, agent, [told], [])

    const { jobId } = await bindDiscovered(parts, 'operator:x', { ...binding, isNow: true })

    t.match(await openJobs(store), [{ id: jobId, type: 'Renewal', status: 'AwaitingCSR' }])
    await cancelJob(parts, 'operator:x', jobId ?? '')
    pass(6 * 3_600_000)
    await renewDue(store)
    t.match(await openJobs(store), [{ type: 'Renewal', status: 'AwaitingCSR' }])
  })

  t.test(`${kind}: what cannot be meant is refused, and changes nothing`, async (t) => {
    const { store, parts } = await openSite(t, kind)
    await recordCertificates(
      { store },
      agent,
      [told, { ...told, pem: authority.certificatePem }, { ...told, pem: other.certificatePem }],
      [{ fingerprint: other.sha256, path: told.path }],
    )
    const ca = new X509Certificate(authority.certificatePem).fingerprint256.replaceAll(':', '').toLowerCase()
    await recordCertificates({ store }, agent, [], [{ fingerprint: other.sha256, path: told.path }])
    const refusal = (change: Partial<Binding>) =>
      bindDiscovered(parts, 'operator:x', { ...binding, ...change }).then(
        () => 'done',
        (error: Error) => error.message,
      )

    t.match(await refusal({ fingerprint: '0'.repeat(64) }), /no such certificate was found/)
    t.match(await refusal({ fingerprint: ca }), /of a CA/)
    t.match(await refusal({ fingerprint: other.sha256 }), /there no more/)
    t.match(await refusal({ target: 'dovecot' }), /no such target/)
    t.match(await refusal({ target: 'away' }), /on mail-2, the host of the target/)
    t.match(await refusal({ policy: { issuers: ['none'] } }), /no issuer none/)
    t.same(await store.certificates.list(all), [])
    t.equal(await refusal({ fingerprint: pair.sha256.slice(0, 8) }), 'done')
    t.match(await refusal({}), /bound already/)
  })

  t.test(`${kind}: one of our own is managed, and not bound`, async (t) => {
    const { store, parts } = await openSite(t, kind)
    const { certificateId } = await (async () => {
      await recordCertificates({ store }, agent, [{ ...told, pem: other.certificatePem }], [])
      return bindDiscovered(parts, 'operator:x', { ...binding, fingerprint: other.sha256 })
    })()
    const version = { certificateId, number: 1, serial: '1', pem: pair.certificatePem, spki: '', issuer: 'local' }
    const times = { notBefore: start, notAfter: start, issuedAt: start, revokedAt: null }
    await store.versions.add({ ...version, ...times, fingerprint: pair.sha256 })
    await recordCertificates({ store }, agent, [told], [])

    t.match(await store.discovered.list(all, { hasCas: false, status: 'managed' }), [{ fingerprint: pair.sha256 }])
    await t.rejects(bindDiscovered(parts, 'operator:x', binding), { message: new RegExp(certificateId) })
  })
}

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const site = await openStoreSite(t, { database, start, agent, targets: ['postfix'] })
  const { store } = site
  await store.agents.add(agentRow({ id: 'agent-2', name: 'mail-2', registeredAt: start }))
  await store.targets.add({ id: 'away', name: 'away', agentId: 'agent-2', type: 'Postfix', config: {} })
  const signer = { ...signerThatEnds(async () => ''), issuers: ['local'] }
  return { ...site, parts: { store, signer, bell: new WorkBell() } }
}

function row(path: string): FoundRow {
  const { serial, fingerprint } = { serial: '1', fingerprint: pair.sha256 }
  const key = { keyAlgorithm: 'ECDSA', keySize: 256, isCa: false } as const
  const names = { commonName: '', sans: [], issuer: '', subject: '' }
  return { agentId: agent.id, fingerprint, path, format: 'PEM', ...names, serial, notBefore: 0, notAfter: 0, ...key }
}

async function openJobs({ jobs }: Awaited<ReturnType<typeof openSite>>['store']) {
  return (await jobs.list(all)).filter(({ status }) => status === 'AwaitingCSR')
}
