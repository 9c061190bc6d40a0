import t, { type Test } from 'tap'
import { OldVersions } from '../../../src/server/operation/renewal/forget-versions.ts'
import type { JobStatus, JobType } from '../../../src/server/store/rows.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow, openStoreSite } from '../../support/store-site.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-11-01T00:00:00Z')
const agent = agentRow({ registeredAt: start })
const postgres = await startPostgres(t)
const kept = { keep: 3, keptMs: 10 * dayMs }

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: what ended long ago goes, but for the newest few`, async (t) => {
    const site = await openSite(t, kind)
    await site.addVersions(20)

    site.setTime(start + 106 * dayMs)
    const forgotten = await new OldVersions(site.store, kept).forget()

    t.equal(forgotten, 15, 'version 16 ended ten days ago, and no earlier')
    t.same(await site.numbers(), [20, 19, 18, 17, 16])
    t.equal(await site.store.renewalInfos.of('cert-1', 3), null)
    site.pass(400 * dayMs)
    await new OldVersions(site.store, kept).forget()
    t.same(await site.numbers(), [20, 19, 18])
  })

  t.test(`${kind}: what a target has, or goes back to, stays however old it is`, async (t) => {
    const site = await openSite(t, kind)
    await site.addVersions(20)
    for (const [number, status] of [
      [2, 'Completed'],
      [4, 'Completed'],
      [5, 'Completed'],
      [7, 'Failed'],
    ] as const)
      await site.addJob('Deployment', number, status)

    site.pass(1000 * dayMs)
    await new OldVersions(site.store, kept).forget()

    t.same(await site.numbers(), [20, 19, 18, 7, 5, 4], 'what failed may be there, too')
  })

  t.test(`${kind}: what an open job, or a roll-out that is not over, names stays`, async (t) => {
    const site = await openSite(t, kind)
    await site.addVersions(20)
    for (const number of [6, 8, 9]) await site.addJob('Deployment', number, 'Completed')
    await site.addJob('TakeBack', 3, 'Pending')

    site.pass(1000 * dayMs)
    await new OldVersions(site.store, kept).forget()

    t.same(await site.numbers(), [20, 19, 18, 9, 8, 3])
  })

  t.test(
    `${kind}: what was revoked stays, and so does all of a host that is asked first after a restore`,
    async (t) => {
      const site = await openSite(t, kind)
      await site.addVersions(20)
      await site.store.versions.revoke('cert-1', 4, start)
      await site.store.holds.add({ agentId: agent.id, askedAt: null })

      site.pass(1000 * dayMs)
      await new OldVersions(site.store, kept).forget()
      t.equal((await site.numbers()).length, 20)
      await site.store.holds.remove(agent.id)
      await new OldVersions(site.store, kept).forget()

      t.same(await site.numbers(), [20, 19, 18, 4])
    },
  )
}

t.test('many certificates are looked at part by part, and all of them in the end', async (t) => {
  const site = await openSite(t, 'SQLite')
  for (let count = 0; count < 450; count += 1) {
    const id = `of-many-${String(count).padStart(3, '0')}`
    await site.store.certificates.add(certificateRow({ id }), [])
    await site.addVersions(5, id)
  }
  site.pass(1000 * dayMs)

  const oldVersions = new OldVersions(site.store, kept)
  const parts: number[] = []
  for (let part = 0; part < 4; part += 1) parts.push(await oldVersions.forget())

  t.same(
    parts.reduce((sum, part) => sum + part),
    900,
  )
  t.equal(Math.max(...parts), 400)
})

/** Six days each, every sixth day. */
async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const site = await openStoreSite(t, { database, start, agent, targets: ['target-1'] })
  const { store } = site
  await store.certificates.add(certificateRow(), ['target-1'])
  let jobs = 0
  return {
    ...site,
    numbers: async () => (await store.versions.list('cert-1', 100)).map(({ number }) => number),
    addVersions: (count: number, certificateId = 'cert-1') =>
      store.transaction(async (inside) => {
        for (let number = 1; number <= count; number += 1) {
          const notBefore = start + (number - 1) * 6 * dayMs
          const life = { notBefore, notAfter: notBefore + 6 * dayMs, issuedAt: notBefore, revokedAt: null }
          const made = { serial: '0a', pem: 'PEM', spki: 'ab', fingerprint: 'cd', issuer: 'local' }
          await inside.versions.add({ certificateId, number, ...made, ...life })
        }
      }),
    addJob: async (type: JobType, versionNumber: number, end: JobStatus): Promise<void> => {
      jobs += 1
      const id = `job-${jobs}`
      const about = { type, agentId: agent.id, certificateId: 'cert-1', targetId: 'target-1', versionNumber }
      await store.jobs.add({ id, ...about, status: 'Pending', createdAt: start })
      if (end !== 'Pending') await store.jobs.move(id, ['Pending'], end, start)
    },
  }
}
