import t, { type Test } from 'tap'
import type { Issuer, RenewalInfo } from '../../../src/server/issuer/issuer.ts'
import { Presence } from '../../../src/server/operation/agent/presence.ts'
import { listCertificates } from '../../../src/server/operation/certificate/list-certificates.ts'
import { askIssuers } from '../../../src/server/operation/renewal/ask-issuers.ts'
import { planRenewals } from '../../../src/server/operation/renewal/plan-renewals.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import type { VersionRow } from '../../../src/server/store/rows.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow, openStoreSite } from '../../support/store-site.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const start = Date.parse('2026-11-01T00:00:00Z')
const agent = agentRow({ registeredAt: start })
const usual = { askAgainMs: 6 * hourMs, explanation: null }

const postgres = await startPostgres(t)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: a certificate is renewed in the window that its issuer suggests, not before`, async (t) => {
    const site = await openSite(t, kind, () => ({ start: start + 20 * dayMs, end: start + 21 * dayMs, ...usual }))
    await site.addCertificates(1)

    site.pass(hourMs)
    t.equal(await askIssuers(site), 1)
    const [listed] = await listCertificates(site, { limit: 1 })
    const due = listed?.nextRenewalAt ?? 0
    t.ok(due >= start + 20 * dayMs && due <= start + 21 * dayMs, 'the list says so')
    site.setTime(due - 1)
    await renewDue(site.store)
    t.equal(await site.begun(), 0)
    site.setTime(due)
    await renewDue(site.store)
    t.equal(await site.begun(), 1)
  })

  t.test(`${kind}: a window that was moved into the past means now`, async (t) => {
    let window = { start: start + 30 * dayMs, end: start + 31 * dayMs }
    const site = await openSite(t, kind, () => ({ ...window, ...usual }))
    await site.addCertificates(1)
    site.pass(hourMs)
    await askIssuers(site)

    window = { start: start - 2 * dayMs, end: start - dayMs }
    site.pass(hourMs)
    t.equal(await askIssuers(site), 0, 'it is not asked before its Retry-After')
    site.pass(6 * hourMs)
    t.equal(await askIssuers(site), 1)
    await renewDue(site.store)

    t.equal(await site.begun(), 1)
  })

  t.test(`${kind}: a window that is wider than the life hastens no version, and is none to hurry for`, async (t) => {
    const site = await openSite(t, kind, () => ({ start: start - dayMs, end: start + 400 * dayMs, ...usual }))
    const [id = ''] = await site.addCertificates(1)
    let renewals = 0
    for (let hour = 0; hour < 47 * 24; hour += 6) {
      site.pass(6 * hourMs)
      await askIssuers(site)
      await renewDue(site.store)
      if ((await site.begun()) === 0) continue
      renewals += 1
      t.ok((await site.store.now()) >= start + 47 * dayMs * 0.6, 'at two thirds of the life, or a tenth of that before')
      await site.sign(id, renewals + 1)
    }

    t.equal(renewals, 1)
    t.match(await site.store.renewalInfos.of(id, 2), { startsAt: start - dayMs, urgentBy: null })
  })

  t.test(`${kind}: asks that fail delay no renewal, and come ever more rarely`, async (t) => {
    const site = await openSite(t, kind, () => {
      throw new Error('it is down')
    })
    const [id = ''] = await site.addCertificates(1)
    const asks: number[] = []
    const due = await site.due(id)
    while ((await site.store.now()) < due) {
      if ((await askIssuers(site)) > 0) asks.push(await site.store.now())
      await renewDue(site.store)
      site.pass(2 * hourMs)
    }

    t.match(await site.store.renewalInfos.of(id, 1), { lastError: /it is down/, startsAt: null })
    t.ok(asks.length > 4 * 28 - 8 && asks.length < 6 * 32, `${asks.length} asks in a month`)
    t.equal(await site.begun(), 0)
    await renewDue(site.store)
    t.equal(await site.begun(), 1)
  })

  t.test(`${kind}: what a module answers that is no window counts as a failure`, async (t) => {
    for (const answer of [
      { start: start + 2, end: start + 1, ...usual },
      { start: Number.NaN, end: start, ...usual },
      { start: 'now', end: 'then', ...usual },
    ]) {
      const site = await openSite(t, kind, () => answer as RenewalInfo)
      const [id = ''] = await site.addCertificates(1)
      site.pass(hourMs)
      await askIssuers(site)

      t.match(await site.store.renewalInfos.of(id, 1), { failures: 1, lastError: /window/, startsAt: null })
    }
  })

  t.test(
    `${kind}: an issuer without windows, and one that knows none of this version, leave our own rule`,
    async (t) => {
      const site = await openSite(t, kind, () => null)
      const [id = ''] = await site.addCertificates(1)
      await site.addCertificates(1, { issuer: 'local', name: 'of-ours' })
      site.pass(hourMs)

      t.equal(await askIssuers(site), 1)
      const [listed] = await listCertificates(site, { limit: 1 })
      t.equal(listed?.nextRenewalAt, await site.due(id))
    },
  )

  t.test(`${kind}: an issuer that hastens every version has none renewed more than twice a day`, async (t) => {
    const site = await openSite(t, kind, () => ({ start: start - 2, end: start - 1, ...usual, askAgainMs: 0 }))
    const [id = ''] = await site.addCertificates(1)
    let renewals = 0
    for (let hour = 0; hour < 5 * 24; hour += 1) {
      site.pass(hourMs)
      await askIssuers(site)
      await renewDue(site.store)
      if ((await site.begun()) === 0) continue
      renewals += 1
      await site.sign(id, renewals + 1)
    }

    t.equal(renewals, 10, 'in five days')
  })

  t.test(`${kind}: of versions whose windows end first those are renewed first`, async (t) => {
    const ends = [5, 1, 4, 2, 3]
    const site = await openSite(t, kind, ({ certificateId }) => {
      const end = start + (ends[Number(certificateId.split('-').at(-1))] ?? 0) * hourMs
      return { start: start - dayMs, end, ...usual }
    })
    await site.addCertificates(5)
    site.pass(hourMs)
    t.equal(await askIssuers(site), 5)
    site.pass(5 * hourMs)

    const due = await site.store.certificates.due(await site.store.now(), 3)
    t.same(
      due.map(({ id }) => id),
      ['cert-1', 'cert-3', 'cert-4'],
    )
  })

  t.test(`${kind}: two servers ask once about each version`, async (t) => {
    let asks = 0
    const site = await openSite(t, kind, () => {
      asks += 1
      return null
    })
    await site.addCertificates(20)
    site.pass(hourMs)
    await Promise.all([askIssuers(site), askIssuers(site), askIssuers(site)])

    t.equal(asks, 20)
  })

  t.test(`${kind}: an issuer that is down is not asked about all of its versions at each look`, async (t) => {
    let asks = 0
    const site = await openSite(t, kind, () => {
      asks += 1
      throw new Error('it is down')
    })
    await site.addCertificates(60)
    site.pass(hourMs)
    await askIssuers(site)

    t.ok(asks < 10, `${asks} asks`)
  })
}

t.test('a dry run puts off what its issuer takes no orders for, and says what is late by that', async (t) => {
  const site = await openSite(t, 'SQLite', () => null)
  await site.addCertificates(6)
  const issuers = site.issuers.map((issuer) => ({ ...issuer, limits: { orders: { most: 2, perMs: 8 * dayMs } } }))
  const parts = { store: site.store, presence: new Presence(site.store, start), issuers, signer: { order: ['public'] } }

  const { renewals } = await planRenewals(parts as unknown as Parameters<typeof planRenewals>[0], 60)

  t.same(
    renewals.map(({ why, isLate }) => [why, isLate]),
    [
      ['share', false],
      ['share', false],
      ['limit', false],
      ['limit', false],
      ['limit', true],
      ['limit', true],
    ],
  )
})

t.test(
  'six hundred certificates that their issuer revokes within a day are renewed before, and spread over it',
  async (t) => {
    const count = 600
    let revokedAt = Number.POSITIVE_INFINITY
    const ordinary = { start: start + 30 * dayMs, end: start + 31 * dayMs }
    const site = await openSite(t, 'SQLite', () =>
      Number.isFinite(revokedAt) ? { start: revokedAt, end: revokedAt + dayMs, ...usual } : { ...ordinary, ...usual },
    )
    await site.addCertificates(count)
    const renewedAt = new Map<string, number>()
    const begin = async (): Promise<number> => {
      const before = renewedAt.size
      await askIssuers(site)
      await renewDue(site.store)
      for (const { certificateId, createdAt } of await site.store.jobs.list({ limit: 200 }))
        if (!renewedAt.has(certificateId)) renewedAt.set(certificateId, createdAt)
      site.pass(5 * minuteMs)
      return renewedAt.size - before
    }
    while ((await site.store.now()) < start + 8 * hourMs) await begin()
    t.equal(renewedAt.size, 0)

    revokedAt = await site.store.now()
    let most = 0
    while (renewedAt.size < count && (await site.store.now()) < revokedAt + 2 * dayMs)
      most = Math.max(most, await begin())

    t.equal(renewedAt.size, count)
    t.ok(Math.max(...renewedAt.values()) <= revokedAt + dayMs, 'within the window')
    t.ok(most <= 50, `at most ${most} at a look`)
  },
)

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL', answer: (version: VersionRow) => RenewalInfo | null) {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const site = await openStoreSite(t, { database, start, agent, targets: ['target-1'] })
  const { store } = site
  const sign: Issuer['sign'] = () => Promise.reject(new Error('it signs nothing here'))
  const issuers: Issuer[] = [
    { name: 'public', sign, renewalInfo: async (version) => answer(version) },
    { name: 'local', sign },
  ]
  /** As a signer keeps it, without a CSR. */
  const addVersion = async (certificateId: string, number: number, issuer: string): Promise<void> => {
    const at = await store.now()
    const life = { notBefore: at, notAfter: at + 47 * dayMs, issuedAt: at, revokedAt: null }
    const version = { serial: '0a', pem: 'PEM', spki: 'ab', fingerprint: 'cd', certificateId, number, issuer, ...life }
    await store.versions.add(version)
    await store.certificates.plan(certificateId, { nextRenewalAt: await site.due(certificateId), renewalFailures: 0 })
  }
  const open = async () => (await store.jobs.list({ limit: 1000 })).filter(({ status }) => status === 'AwaitingCSR')
  return {
    ...site,
    issuers,
    addCertificates: async (count: number, { issuer = 'public', name = 'cert' } = {}): Promise<readonly string[]> => {
      const ids = Array.from({ length: count }, (_, at) => `${name}-${at}`)
      await store.transaction(async (inside) => {
        for (const id of ids) await inside.certificates.add(certificateRow({ id }), ['target-1'])
      })
      await Promise.all(ids.map((id) => addVersion(id, 1, issuer)))
      return ids
    },
    begun: async (): Promise<number> => (await open()).length,
    sign: async (certificateId: string, number: number): Promise<void> => {
      for (const { id } of await open()) await store.jobs.move(id, ['AwaitingCSR'], 'Completed', await store.now())
      await addVersion(certificateId, number, 'public')
    },
  }
}
