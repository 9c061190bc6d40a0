import t, { type Test } from 'tap'
import { labelAgent } from '../../../src/server/operation/agent/label-agent.ts'
import { chainAudit } from '../../../src/server/operation/audit-trail.ts'
import { listCertificates } from '../../../src/server/operation/certificate/list-certificates.ts'
import { renewCertificate } from '../../../src/server/operation/certificate/renew-certificate.ts'
import { revokeCertificate } from '../../../src/server/operation/certificate/revoke-certificate.ts'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import { keepWindows } from '../../../src/server/operation/window/keep-windows.ts'
import { listWindows, removeWindow, setWindow } from '../../../src/server/operation/window/set-window.ts'
import { dueAt } from '../../../src/server/renewal/when-due.ts'
import { nearEndAt } from '../../../src/server/rollout/near-end.ts'
import { startPostgres } from '../../support/postgres.ts'
import { openRolloutSite, type RolloutSite } from '../../support/rollout-site.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const start = Date.parse('2026-11-01T00:00:00Z')
const by = 'operator:ann'
const certificateId = 'cert-0001'
const mx = { name: 'role', value: 'mx' }
/** Open from two to five. */
const nightly = { ...mx, cron: '0 2 * * *', forMs: 3 * hourMs, timeZone: 'UTC' }
/** Not again in the life of a certificate. */
const yearly = { ...nightly, cron: '0 2 1 6 *' }

const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(
    `${kind}: a renewal and its deployment are handed out in the window of a label of their host alone`,
    async (t) => {
      const { site, host, other, noon } = await openSite(t, kind)
      await setWindow(site, by, nightly)
      await beginAt(site, noon)

      t.same((await claimWork(site, host)).length, 0, 'it is noon')
      t.match(await claimWork(site, other), [{ job: { type: 'Renewal' } }], 'that host has no such label')
      t.match((await listCertificates(site, { limit: 1 }))[0], {
        window: 'held',
        issuance: { status: 'AwaitingCSR', notBefore: noon + 14 * hourMs },
      })
      site.setTime(noon + 14 * hourMs - 1)
      t.same((await claimWork(site, host)).length, 0)
      site.pass(1)
      await site.poll(host)
      t.match(await site.poll(host), [{ type: 'Deployment', versionNumber: 2, handOutUntil: noon + 17 * hourMs }])
    },
  )

  t.test(`${kind}: what was not begun when its window ended waits for the next one`, async (t) => {
    const { site, host, noon } = await openSite(t, kind)
    await setWindow(site, by, nightly)
    await beginAt(site, noon)
    site.setTime(noon + 17 * hourMs)
    await keepWindows(site.store)
    t.same(await claimWork(site, host), [])

    site.setTime(noon + 38 * hourMs)
    await site.poll(host)
    // Signed at its end: the deployment is for the night after.
    site.setTime(noon + 41 * hourMs)
    await keepWindows(site.store)
    t.same(await claimWork(site, host), [])
    site.setTime(noon + 62 * hourMs)
    t.match(await site.poll(host), [{ type: 'Deployment' }])
  })

  t.test(
    `${kind}: a deployment that an agent has and does not begin is not offered again outside of the window`,
    async (t) => {
      const { site, host, noon } = await openSite(t, kind)
      await setWindow(site, by, nightly)
      await beginAt(site, noon)
      site.setTime(noon + 16.95 * hourMs)
      await site.poll(host)
      t.equal((await claimWork(site, host)).length, 1, 'the answer is lost')
      site.setTime(noon + 17.1 * hourMs)
      await keepWindows(site.store)
      t.same(await claimWork(site, host), [])
      site.setTime(noon + 38 * hourMs)
      t.match(await site.poll(host), [{ type: 'Deployment', attempt: 2 }])
    },
  )

  t.test(`${kind}: a certificate whose end is near waits for no window, and that is said`, async (t) => {
    const { site, host, nearAt, noon } = await openSite(t, kind)
    await setWindow(site, by, yearly)
    await beginAt(site, noon)
    site.setTime(nearAt - 1)
    t.same(await claimWork(site, host), [])
    site.setTime(nearAt)
    await site.poll(host)
    t.match(await site.poll(host), [{ type: 'Deployment', notBefore: null, handOutUntil: null }])
    await chainAudit(site.store)
    t.ok((await site.store.audit.list({ limit: 1000 })).some(({ action }) => action === 'window.override'))
  })

  t.test(`${kind}: one that is begun when its end is near waits for none from the start`, async (t) => {
    const { site, host, nearAt } = await openSite(t, kind)
    await setWindow(site, by, yearly)
    await beginAt(site, nearAt)
    t.match((await listCertificates(site, { limit: 1 }))[0], { window: 'overridden' })
    await site.poll(host)
    t.match(await site.poll(host), [{ type: 'Deployment' }])
  })

  t.test(`${kind}: a window that is changed or removed, and a label that is, hold what waits no longer`, async (t) => {
    for (const change of [
      (site: RolloutSite) => removeWindow(site, by, mx),
      (site: RolloutSite) => setWindow(site, by, { ...nightly, cron: '0 12 * * *' }),
      (site: RolloutSite) => labelAgent(site, by, 'mail-0001', { set: {}, remove: ['role'] }),
      (site: RolloutSite) => labelAgent(site, by, 'mail-0001', { set: { role: 'imap' }, remove: [] }),
    ]) {
      const { site, host, noon } = await openSite(t, kind)
      await setWindow(site, by, yearly)
      await beginAt(site, noon)
      t.same(await claimWork(site, host), [])
      await change(site)
      await keepWindows(site.store)
      t.match(await site.poll(host), [{ type: 'Renewal' }])
      t.match(await site.poll(host), [{ type: 'Deployment' }])
    }
  })

  t.test(
    `${kind}: an operator who renews has what waits for its window done now, and revoking does, too`,
    async (t) => {
      const { site, host, noon } = await openSite(t, kind)
      await setWindow(site, by, yearly)
      await beginAt(site, noon)
      const open = (await listCertificates(site, { limit: 1 }))[0]?.issuance
      t.match(await renewCertificate(site, by, certificateId), { jobId: open?.id })
      await site.poll(host)
      t.match(await site.poll(host), [{ type: 'Deployment' }])
      await revokeCertificate(site, by, certificateId)
      await site.poll(host)
      t.match(await site.poll(host), [{ type: 'Deployment', versionNumber: 3 }])
    },
  )

  t.test(`${kind}: a deployment that failed is tried again in the window`, async (t) => {
    const { site, host, noon } = await openSite(t, kind)
    await setWindow(site, by, nightly)
    await beginAt(site, noon)
    site.setTime(noon + 16.9 * hourMs)
    await site.poll(host)
    await site.poll(host, 'failed')
    site.setTime(noon + 20 * hourMs)
    await renewDue(site.store)
    t.same(await claimWork(site, host), [])
    site.setTime(noon + 38 * hourMs)
    t.match(await site.poll(host), [{ type: 'Deployment', versionNumber: 2 }])
  })

  t.test(`${kind}: a host whose labels have several windows is done in each of them`, async (t) => {
    const { site, host, noon } = await openSite(t, kind)
    await site.store.labels.set(host.id, { name: 'site', value: 'fra' })
    await setWindow(site, by, yearly)
    await setWindow(site, by, { ...nightly, name: 'site', value: 'fra', cron: '0 13 * * *' })
    await beginAt(site, noon)
    t.same(await claimWork(site, host), [])
    site.setTime(noon + hourMs)
    t.match(await site.poll(host), [{ type: 'Renewal' }])
  })

  t.test(`${kind}: a roll-out has a window of its own, and takes over what waits for that of its host`, async (t) => {
    const { site, host, noon } = await openSite(t, kind)
    await setWindow(site, by, yearly)
    await beginAt(site, noon)
    await site.start({ action: 'renew', window: { ...nightly, cron: '0 13 * * *' } })
    await keepWindows(site.store)
    t.same(await claimWork(site, host), [])
    site.setTime(noon + hourMs)
    await site.poll(host)
    t.match(await site.poll(host), [{ type: 'Deployment' }])
  })

  t.test(`${kind}: a window is one for its label, is refused where it is none, and there is a bound`, async (t) => {
    const { site } = await openSite(t, kind)
    t.match(await setWindow(site, by, nightly), { agents: 1, createdBy: by })
    await setWindow(site, 'operator:bob', { ...nightly, cron: '0 3 * * *' })
    t.match(await listWindows(site), [{ cron: '0 3 * * *', agents: 1, createdBy: 'operator:bob' }])
    for (const [wrong, message] of [
      [{ cron: 'often' }, /five fields/],
      [{ timeZone: 'Europe/Berlim' }, /is Europe\/Berlin meant\?/],
      [{ cron: '0 2 29 2 *' }, /does not open/],
    ] as const)
      await t.rejects(setWindow(site, by, { ...nightly, ...wrong }), { message })
    await t.rejects(removeWindow(site, by, { name: 'role', value: 'mw' }), { message: /is role=mx meant\?/ })
    for (let count = 1; count < 100; count += 1) await setWindow(site, by, { ...nightly, value: `mx-${count}` })
    await t.rejects(setWindow(site, by, { ...nightly, value: 'mx-100' }), { message: /100 windows at most/ })
    await setWindow(site, by, nightly)
    await removeWindow(site, by, mx)
    t.equal((await listWindows(site)).length, 99)
  })
}

/** Two hosts, of which the first is `role=mx`; their certificates are due at `noon`. */
async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const site = await openRolloutSite(t, { database, start, hosts: 2 })
  const [host, other] = site.agents
  if (host === undefined || other === undefined) throw new Error('there are two')
  await site.store.labels.set(host.id, mx)
  const version = await site.store.versions.newest(certificateId)
  if (version === null) throw new Error('it is there')
  // Not before either of them is due.
  const latest = Math.max(dueAt(version, null), dueAt({ ...version, certificateId: 'cert-0002' }, null))
  return { site, host, other, noon: Math.ceil(latest / dayMs) * dayMs + dayMs / 2, nearAt: nearEndAt(version, null) }
}

/** The scheduler looks at all certificates then. */
async function beginAt({ store, setTime }: RolloutSite, at: number): Promise<void> {
  setTime(at)
  for (const id of ['cert-0001', 'cert-0002']) await store.certificates.plan(id, { nextRenewalAt: at })
  await renewDue(store)
}
