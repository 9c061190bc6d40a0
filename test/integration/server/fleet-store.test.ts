import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CertificateFilter, HostFilter } from '../../../src/server/store/fleet-store.ts'
import { firstSchema } from '../../../src/server/store/migration/first-schema.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { VersionRow } from '../../../src/server/store/rows.ts'
import type { SessionRow } from '../../../src/server/store/session-store.ts'
import { openSqlite } from '../../../src/server/store/sqlite/open-sqlite.ts'
import type { Store } from '../../../src/server/store/store.ts'
import { type Postgres, startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow } from '../../support/store-site.ts'

const at = Date.parse('2026-11-27T00:00:00Z')
const [hourMs, dayMs] = [3_600_000, 86_400_000]
const times = { silentBefore: at - 300_000, twinSince: at - dayMs }
const all = { limit: 99 } as const
const role = { name: 'role', value: 'mx' }
const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: a session is found until it is ended, and says when it was last used`, async (t) => {
    const store = await open(t, kind)
    const session = sessionOf('one')
    await store.sessions.add(session, 9)

    t.same(await store.sessions.find('one'), session)
    await store.sessions.see('one', at + 5)
    t.same(await store.sessions.find('one'), { ...session, seenAt: at + 5 })
    t.same([await store.sessions.end('one'), await store.sessions.end('one')], [true, false])
    t.equal(await store.sessions.find('one'), null)
  })

  t.test(`${kind}: a token has so many sessions at most, and the oldest makes room`, async (t) => {
    const store = await open(t, kind)
    await store.sessions.add(sessionOf('other', { tokenHash: 'u' }), 2)
    for (const [place, hash] of ['one', 'two', 'three'].entries())
      await store.sessions.add(sessionOf(hash, { createdAt: at + place }), 2)

    t.same(await kept(store, ['other', 'one', 'two', 'three']), ['other', 'two', 'three'])
    await store.sessions.endAll()
    t.same(await kept(store, ['other', 'two', 'three']), [])
  })

  t.test(`${kind}: sessions that are over are forgotten, by their end or by their silence`, async (t) => {
    const store = await open(t, kind)
    await store.sessions.add(sessionOf('over', { expiresAt: at - 1 }), 9)
    await store.sessions.add(sessionOf('idle', { seenAt: at - hourMs - 1 }), 9)
    await store.sessions.add(sessionOf('good', { seenAt: at - hourMs, expiresAt: at }), 9)

    t.equal(await store.sessions.forget(at, at - hourMs), 2)
    t.same(await kept(store, ['over', 'idle', 'good']), ['good'])
    await store.server.forgetFuture(at - hourMs - 1, at)
    t.same(await kept(store, ['good']), [], 'the clock was set back: its end is of a time that is no more')
  })

  t.test(`${kind}: hosts are counted and listed by who calls`, async (t) => {
    const store = await openWithFleet(t, kind)
    const names = async (filter: HostFilter, page: { after?: string; limit: number } = all) =>
      (await store.fleet.hosts(page, times, filter)).map(({ name }) => name)

    t.same(await store.fleet.countHosts(times), { states: { calling: 2, silent: 1, never: 1, retired: 1 }, twins: 1 })
    t.same(await names({}), ['mail-1', 'mail-2', 'mail-3', 'mail-4', 'mail-5'])
    t.same(await names({ state: 'silent' }), ['mail-2'])
    t.same(await names({ state: 'never' }), ['mail-3'])
    t.same(await names({ state: 'retired' }), ['mail-4'])
    t.same(await names({ isTwin: true }), ['mail-1'], 'a twin of the day before yesterday is told no more')
    t.same(await names({ text: 'MAIL-5.EXAMPLE' }), ['mail-5'])
    t.same(await names({ text: '%' }), [], 'what LIKE would read is a text')
    t.same(await names({ labels: [role] }), ['mail-1', 'mail-5'])
    t.same(await names({ labels: [role, { name: 'site', value: 'a' }] }), ['mail-5'], 'all of them')
    t.same(await names({}, { limit: 2 }), ['mail-1', 'mail-2'])
    t.same(await names({}, { after: 'mail-2', limit: 2 }), ['mail-3', 'mail-4'])
    t.match(await store.fleet.hosts({ limit: 1 }, times), [
      {
        state: 'calling',
        isHeld: true,
        labels: { role: 'mx' },
        targets: 2,
        drifting: 1,
        twin: 'why',
        twinAt: at - 1,
        seenAt: at - 1000,
      },
    ])
  })

  t.test(`${kind}: certificates are counted and listed by the end of the newest version alone`, async (t) => {
    const store = await openWithFleet(t, kind)
    const ids = async (filter: CertificateFilter, page: { after?: string; limit: number } = all) =>
      (await store.fleet.certificates(page, at, filter)).map(({ id }) => id)

    t.same(await store.fleet.countEnds(at), {
      ends: { expired: 1, day: 1, week: 1, month: 1, later: 1, unsigned: 1, unused: 2 },
      failing: 1,
      late: 2,
    })
    t.same(await ids({}), ['unsigned', 'expired', 'day', 'week', 'month', 'later'], 'the nearest end first')
    t.same(await ids({ ends: 'unused' }), ['of-retired', 'trial'])
    t.same(await ids({ ends: 'week' }), ['week'])
    t.same(await ids({ isFailing: true }), ['expired'])
    t.same(await ids({ isLate: true }), ['day', 'week'], 'nine tenths of 42 days are gone')
    t.same(await ids({ agentId: 'agent-2' }), ['month'])
    t.same(await ids({ ends: 'week', text: 'week', labels: [role] }), ['week'])
    t.same(await ids({ labels: [{ name: 'site', value: 'a' }] }), [])
    t.same(await ids({ text: 'IMAP.week' }), ['week'])
    t.same(await ids({}, { after: `${at + 2 * dayMs}-week`, limit: 1 }), ['month'])
    t.same(await ids({}, { after: `${at + 2 * dayMs}-a`, limit: 1 }), ['week'], 'of one end by their ids')
    t.match(await store.fleet.certificates({ limit: 9 }, at, { ends: 'day' }), [
      {
        commonName: 'day.example.net',
        sans: ['imap.day.example.net'],
        agentName: 'mail-1',
        number: 2,
        notAfter: at + 1,
      },
    ])
  })

  t.test(`${kind}: failures are counted by their codes, and listed by when they failed`, async (t) => {
    const store = await openWithFleet(t, kind)
    const errors = ['KEY_MISSING: it is gone', 'KEY_MISSING', 'A sentence', '', `${'X'.repeat(500)}: too long`]
    for (const [place, error] of errors.entries()) await fail(store, `job-${place}`, error, at - place * 1000)
    await fail(store, 'old', 'KEY_MISSING', at - 2 * dayMs)
    await fail(store, 'other', 'OF_ANOTHER', at - 500, 'agent-2')
    await store.jobs.add(newJob('open', 'agent-1'))
    const since = at - dayMs
    const ids = async (filter: object, page: { after?: string; limit: number } = all) =>
      (await store.fleet.failures(page, { since, ...filter })).map(({ id }) => id)

    t.same(await store.fleet.countCodes(since, 9), [
      { code: '', count: 2 },
      { code: 'KEY_MISSING', count: 2 },
      { code: 'OF_ANOTHER', count: 1 },
      { code: 'X'.repeat(64), count: 1 },
    ])
    t.equal((await store.fleet.countCodes(since, 1)).length, 1)
    t.equal(await store.fleet.countFailures(since), 6)
    t.same(await ids({}), ['job-0', 'other', 'job-1', 'job-2', 'job-3', 'job-4'])
    t.same(await ids({ since: 0 }), ['job-0', 'other', 'job-1', 'job-2', 'job-3', 'job-4', 'old'])
    t.same(await ids({ code: 'KEY_MISSING' }), ['job-0', 'job-1'])
    t.same(await ids({ code: '' }), ['job-2', 'job-3'])
    t.same(await ids({ agentId: 'agent-2' }), ['other'])
    t.same(await ids({ type: 'Renewal' }), [])
    const [, second] = await store.fleet.failures(all, { since })
    t.same(await ids({}, { after: `${second?.updatedAt}-${second?.seq}`, limit: 2 }), ['job-1', 'job-2'])
    t.match(second, { type: 'Validation', agentName: 'mail-2', targetName: 'p1', commonName: 'day.example.net' })
  })

  t.test(`${kind}: what drifts is counted and listed, but for hosts that are retired`, async (t) => {
    const store = await openWithFleet(t, kind)

    t.equal(await store.fleet.countDrift(), 1)
    t.match(await store.fleet.drift(all), [
      { name: 'p1', type: 'Postfix', agentName: 'mail-1', reasons: ['gone'], since: 'then' },
    ])
    t.same(await store.fleet.drift({ after: 'p1', limit: 9 }), [])
    t.same(await store.fleet.drift(all, { agentId: 'agent-2' }), [])
  })
}

t.test('a database of version 1 gets the tables and the indices, with all that is in it', async (t) => {
  const dataDir = t.testdir({})
  const before = openSqlite(join(dataDir, 'control-plane.db'), () => at)
  for (const statement of firstSchema(before.dialect)) await before.query(statement)
  await before.query('CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)')
  await before.query("INSERT INTO meta (name, value) VALUES ('version', '1')")
  await before.query("INSERT INTO agent VALUES ('agent-1', 'mail-1', 'mail-1', 'active', '[]', 0)")
  await before.close()

  const store = await openStore({ dataDir, now: () => at })
  t.teardown(() => store.close())

  t.match(await store.fleet.hosts(all, times), [{ name: 'mail-1', state: 'never' }])
  await store.sessions.add(sessionOf('one'), 9)
  t.equal((await store.sessions.find('one'))?.hash, 'one')
})

async function open(t: Test, kind: 'SQLite' | 'PostgreSQL'): Promise<Store> {
  const database = kind === 'SQLite' ? undefined : await (postgres satisfies Postgres).newDatabase()
  const store = await openStore({ dataDir: t.testdir({}), database, now: () => at })
  t.teardown(() => store.close())
  return store
}

async function openWithFleet(t: Test, kind: 'SQLite' | 'PostgreSQL'): Promise<Store> {
  const store = await open(t, kind)
  for (const number of [1, 2, 3, 4, 5]) {
    const name = `mail-${number}`
    await store.agents.add(agentRow({ id: `agent-${number}`, name, hostname: `${name}.example.net` }))
  }
  for (const id of ['agent-1', 'agent-5']) await store.labels.set(id, role)
  await store.labels.set('agent-5', { name: 'site', value: 'a' })
  await store.agents.retire('agent-4')
  for (const [number, seenAt] of [
    [1, at - 1000],
    [2, at - hourMs],
    [4, at - dayMs],
    [5, at - 1000],
  ] as const)
    await store.presence.record([{ agentId: `agent-${number}`, seenAt, heartbeatAt: null }])
  await store.presence.setTwin('agent-1', 'why', at - 1)
  await store.presence.setTwin('agent-2', 'why', at - 2 * dayMs)
  await store.holds.add({ agentId: 'agent-1', askedAt: null })
  for (const [id, agentId] of [
    ['p1', 'agent-1'],
    ['d1', 'agent-1'],
    ['p4', 'agent-4'],
  ] as const)
    await store.targets.add({ id, name: id, agentId, type: 'Postfix', config: {} })
  await store.targets.setDrift({ targetId: 'p1', reasons: ['gone'], since: 'then' })
  await store.targets.setDrift({ targetId: 'p4', reasons: ['gone'], since: 'then' })
  await addCertificates(store)
  return store
}

async function addCertificates(store: Store): Promise<void> {
  const ends = { expired: at, day: at + 1, week: at + 2 * dayMs, month: at + 20 * dayMs, later: at + 31 * dayMs }
  const add = async (id: string, agentId: string, notAfter: number | null, isRenewed = true): Promise<void> => {
    const names = { commonName: `${id}.example.net`, sans: [`imap.${id}.example.net`] }
    const nextRenewalAt = isRenewed && notAfter !== null ? at : null
    const lastError = id === 'expired' ? 'why' : null
    await store.certificates.add(certificateRow({ id, agentId, ...names, nextRenewalAt, lastError }), [])
    if (notAfter === null) return
    await store.versions.add(versionOf(id, 1, at - dayMs))
    await store.versions.add(versionOf(id, 2, notAfter))
  }
  for (const [id, notAfter] of Object.entries(ends)) await add(id, id === 'month' ? 'agent-2' : 'agent-1', notAfter)
  await add('unsigned', 'agent-1', null)
  await add('trial', 'agent-1', at + dayMs, false)
  await add('of-retired', 'agent-4', at - dayMs)
}

function versionOf(certificateId: string, number: number, notAfter: number): VersionRow {
  const digests = { serial: '0a', pem: 'PEM', spki: 'ab', fingerprint: 'cd', issuer: 'local' }
  return { certificateId, number, ...digests, notBefore: at - 40 * dayMs, notAfter, issuedAt: at, revokedAt: null }
}

function newJob(id: string, agentId: string) {
  const about = { type: 'Validation', certificateId: 'day', targetId: 'p1', versionNumber: null } as const
  return { id, agentId, ...about, status: 'Pending', createdAt: at - 9 * dayMs } as const
}

async function fail(store: Store, id: string, error: string, failedAt: number, agentId = 'agent-1'): Promise<void> {
  await store.jobs.add(newJob(id, agentId))
  await store.jobs.finish({ id, agentId, status: 'Failed', error, outcome: null, at: failedAt })
}

function sessionOf(hash: string, changes: Partial<SessionRow> = {}): SessionRow {
  return { hash, tokenHash: 't', createdAt: at, seenAt: at, expiresAt: at + dayMs, ...changes }
}

async function kept(store: Store, hashes: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(hashes.map((hash) => store.sessions.find(hash)))
  return found.flatMap((session) => session?.hash ?? [])
}
