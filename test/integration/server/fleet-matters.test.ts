import t, { type Test } from 'tap'
import type { Matter } from '../../../src/notice/matter.ts'
import { fleetHost } from '../../../src/server/operation/fleet/fleet-host.ts'
import { fleetMatters } from '../../../src/server/operation/fleet/fleet-matters.ts'
import { fleetRollovers } from '../../../src/server/operation/fleet/fleet-rollovers.ts'
import { overviewReader } from '../../../src/server/operation/fleet/overview.ts'
import { openDaneSite } from '../../support/dane-store-site.ts'
import { openMatter } from '../../support/matters.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow } from '../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const postgres = await startPostgres(t, false)
const presence = { since: (seenAt: number | null) => seenAt ?? start - 86_400_000 }

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: matters are read part by part, each on one, the newest first; of a host, of a kind`, async (t) => {
    const { store } = await openSite(t, kind)
    const matters = Array.from({ length: 120 }, (_, index): Matter => {
      const id = index.toString(16).padStart(16, '0')
      // Several of the same moment stand at the end of a part.
      const at = start + Math.floor(index / 7)
      const [agent, of] = index % 2 === 0 ? (['mail-1', 'dane'] as const) : (['mail-2', 'drift'] as const)
      return { ...openMatter(at), id, agent, kind: of }
    })
    const over = { ...openMatter(start), id: 'f'.repeat(16), overAt: start + 1 }
    await store.transaction((inside) => inside.matters.replace([], [...matters, over]))

    const read: Matter[] = []
    for (let after: string | null | undefined; after !== null; ) {
      const { rows, next } = await fleetMatters({ store }, { after })
      t.ok(rows.length <= 50)
      read.push(...rows)
      after = next
    }
    t.equal(read.length, 120)
    t.equal(new Set(read.map(({ id }) => id)).size, 120)
    t.same(
      read.map(({ openedAt }) => openedAt),
      matters.map(({ openedAt }) => openedAt).toSorted((one, other) => other - one),
    )
    const ofHost = await fleetMatters({ store }, { host: 'mail-2' })
    t.same([...new Set(ofHost.rows.map(({ agent }) => agent))], ['mail-2'])
    t.same((await fleetMatters({ store }, { host: 'mail-2', kind: 'dane' })).rows, [])
    t.same(await store.matters.countOpen(), [
      { kind: 'dane', count: 60 },
      { kind: 'drift', count: 60 },
    ])
    t.match(await overviewReader({ store, presence })(), { matters: [{ kind: 'dane', count: 60 }, {}] })
  })

  t.test(
    `${kind}: the page of a host has its roll-overs, and no other's; the overview counts their problems`,
    async (t) => {
      const site = await openSite(t, kind)
      const { store } = site
      await store.agents.add(agentRow({ id: 'agent-2', name: 'mail-2' }))
      site.dns.problem = 'ns2.example.net gives no answer'
      await site.advance()
      await site.deploy('key-2')

      const { rollovers } = await fleetHost({ store, presence }, 'mail-1', undefined)
      t.match(rollovers, [
        { names: [{ name: { problem: 'ns2.example.net gives no answer' } }], waiting: [{ until: null }] },
      ])
      t.same((await fleetHost({ store, presence }, 'mail-2', undefined)).rollovers, [])
      t.equal((await fleetRollovers({ store }, { host: 'mail-1' })).rows.length, 1)
      t.same((await fleetRollovers({ store }, { host: 'mail-2' })).rows, [])
      t.match(await overviewReader({ store, presence })(), { dane: { problems: 1, targets: 1, jobs: 1 } })
    },
  )

  t.test(`${kind}: a job that waits for TTLs alone is shown with the time when they are over`, async (t) => {
    const site = await openSite(t, kind)
    await site.prove('key-2')
    await site.settle()
    await site.deploy('key-3')
    await site.advance()
    site.pass(60_000)
    await site.advance()

    const { rows } = await fleetRollovers(site, {})
    t.match(rows, [{ waiting: [{ until: (await site.store.now()) + 3_600_000 }] }])
  })
}

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  return openDaneSite(t, { database, start })
}
