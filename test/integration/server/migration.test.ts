import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openAuthority } from '../../../src/server/authority/authority.ts'
import { firstSchema } from '../../../src/server/store/migration/first-schema.ts'
import { schemaVersion } from '../../../src/server/store/migration/migrate.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { openPostgres } from '../../../src/server/store/postgres/open-postgres.ts'
import { openSqlite } from '../../../src/server/store/sqlite/open-sqlite.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'
import { startPostgres } from '../../support/postgres.ts'

/** A database that Waxseal 0.2.0 left, dumped by sqlite3(1), with the secrets that it gave out. */
const unversioned = fileURLToPath(new URL('../../fixtures/control-plane-unversioned.sql', import.meta.url))
const credential = 'wxa_zR2-AqzMvFsIJTPpoB_ZwqGZbSGZ7MlAL6KEtp2Jgzc'
const token = 'wxt_BiQgxryG3lR3Af-cCFDVvxM6JJGqgL6XN1Y1bqlHl48'
const now = Date.parse('2026-11-01T00:06:10Z')

t.test('the file of a version that wrote no version is taken over with all that is in it', async (t) => {
  const dataDir = await oldData(t)

  const store = await openStore({ dataDir, now: () => now })
  t.teardown(() => store.close())

  t.match(await store.agents.list({ limit: 9 }), [
    { name: 'mail-1', status: 'active', registeredAt: Date.parse('2026-11-01T00:00:00Z'), features: [] },
    { name: 'mail-2', status: 'retired', heartbeatAt: null },
  ])
  t.match(await store.targets.list({ limit: 9 }), [
    {
      name: 'dovecot',
      config: { mode: 'dovecot' },
      drift: { reasons: ['/a is gone.'], since: '2026-11-01T00:06:00Z' },
    },
    { name: 'postfix', drift: null },
  ])
  const jobs = (await store.jobs.list({ limit: 9 })).toReversed()
  t.match(jobs, [
    { type: 'Issuance', status: 'Completed', createdAt: Date.parse('2026-11-01T00:01:00.123Z') },
    {
      type: 'Deployment',
      status: 'Completed',
      outcome: { proven: true },
      verification: { verified: true },
      versionNumber: 1,
    },
    { type: 'Deployment', status: 'Failed', isReaped: true },
    { type: 'Deployment', status: 'Running', leaseUntil: null, attempt: 1, isReaped: false },
    { type: 'Deployment', status: 'Pending', attempt: 0 },
    { type: 'Issuance', status: 'AwaitingCSR', versionNumber: null },
  ])
  const signed = jobs[0]?.certificateId ?? ''
  t.match(await store.certificates.byId(signed), { commonName: 'mail.example.net', sans: ['imap.example.net'] })
  t.equal((await store.certificates.deployedTo(signed)).length, 2)
  const { pem = '', notAfter = 0, notBefore = 0 } = (await store.versions.newest(signed)) ?? {}
  t.match(pem, /^-----BEGIN CERTIFICATE-----/)
  t.equal(notAfter - notBefore, 47 * 86_400_000 + 60_000, 'its end is that of the certificate')
})

t.test('agents, tokens and what ran go on over the take-over, as if nothing had been', async (t) => {
  const dataDir = await oldData(t)
  await openAuthority(dataDir)
  const plane = await openTestControlPlane(t, { dataDir, now: () => now })
  const [first] = await plane.operator.agents()
  const agent = plane.agent({ id: String(first?.['id']), credential })
  const running = (await plane.operator.jobs()).find(({ status }) => status === 'Running')

  const offered = await agent.work()
  const reported = await agent.post(`/jobs/${running?.id}/status`, { status: 'Completed' })
  const enrolled = await plane.ask('POST', '/api/v1/agents', token, { name: 'mail-3', hostname: 'mail-3' })

  t.match(offered, [
    { type: 'Deployment' },
    { type: 'Issuance', status: 'AwaitingCSR', common_name: 'new.example.net' },
  ])
  t.equal(offered.length, 2)
  t.equal(reported.status, 200)
  t.equal((await plane.operator.job(running?.id ?? '')).status, 'Completed')
  t.equal(enrolled.status, 201)
})

t.test('the file as it was is kept beside it, readable for its owner alone', async (t) => {
  const dataDir = await oldData(t)
  await (await openStore({ dataDir })).close()

  const kept = join(dataDir, `control-plane.db.before-${schemaVersion}`)
  const database = new DatabaseSync(kept, { readOnly: true })
  t.teardown(() => database.close())

  t.match(database.prepare('SELECT count(*) AS jobs FROM job WHERE lower(status) = ?').get('running'), { jobs: 1 })
  t.match(database.prepare('PRAGMA integrity_check').get(), { integrity_check: 'ok' })
  t.equal((await stat(kept)).mode & 0o777, 0o600)
  t.notOk((await readdir(dataDir)).some((name) => name.endsWith('.new')))
})

t.test('a take-over that breaks off has changed nothing, and the next one does it', async (t) => {
  const dataDir = await oldData(t)
  const spoil = (sql: string): void => {
    const database = new DatabaseSync(join(dataDir, 'control-plane.db'))
    database.exec(sql)
    database.close()
  }
  spoil("INSERT INTO agent VALUES ('x', 'x', 'x', 'active', 'x', 'no time', NULL)")

  await t.rejects(openStore({ dataDir }))
  spoil("DELETE FROM agent WHERE id = 'x'")
  const store = await openStore({ dataDir })
  t.teardown(() => store.close())

  t.equal((await store.jobs.list({ limit: 9 })).length, 6)
})

t.test('a database of version 1 gets labels and roll-outs, and keeps its jobs', async (t) => {
  const databases = [undefined, await (await startPostgres(t)).newDatabase()]
  for (const database of databases) {
    const dataDir = t.testdir({})
    const db =
      database === undefined ? openSqlite(join(dataDir, 'control-plane.db'), () => now) : openPostgres(database)
    for (const statement of firstSchema(db.dialect)) await db.query(statement)
    await db.query('CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)')
    await db.query("INSERT INTO meta (name, value) VALUES ('version', '1')")
    await db.query("INSERT INTO agent VALUES ('agent-1', 'mail-1', 'mail-1', 'active', '[]', 1)")
    await db.query(
      "INSERT INTO certificate VALUES ('c', 'agent-1', 'a', '[]', 47, NULL, '[]', 'rotate', NULL, 0, NULL, NULL, 1)",
    )
    await db.query(
      `INSERT INTO job (id, type, agent_id, certificate_id, status, attempt, created_at, updated_at, is_reaped)
        VALUES ('job-1', 'Issuance', 'agent-1', 'c', 'AwaitingCSR', 0, 1, 1, 0)`,
    )
    await db.close()

    const store = await openStore({ dataDir, database, now: () => now })

    t.match(await store.jobs.awaitingCsr('agent-1', now, 9), [{ id: 'job-1', handOutUntil: null }])
    await store.labels.set('agent-1', { name: 'role', value: 'mx' })
    t.match(await store.agents.list({ limit: 9 }), [{ labels: { role: 'mx' } }])
    t.same(await store.rollouts.live(), [])
    await store.close()
  }
})

t.test('a new database needs no backup, and one of this version is left as it is', async (t) => {
  const dataDir = t.testdir({})

  for (let count = 0; count < 2; count += 1) await (await openStore({ dataDir })).close()

  t.same(
    (await readdir(dataDir)).filter((name) => name.includes('before')),
    [],
  )
})

t.test('a database of a newer version is refused, and is not changed', async (t) => {
  const dataDir = t.testdir({})
  await (await openStore({ dataDir })).close()
  const file = join(dataDir, 'control-plane.db')
  const database = new DatabaseSync(file)
  database.exec("UPDATE meta SET value = '99' WHERE name = 'version'; PRAGMA wal_checkpoint(TRUNCATE)")
  database.close()
  const before = await readFile(file)

  await t.rejects(openStore({ dataDir }), { code: 'DATABASE_NEWER', details: { version: 99, hint: /newer waxseal/ } })

  t.ok(before.equals(await readFile(file)))
})

t.test('a database of a newer version is refused in PostgreSQL, too', async (t) => {
  const database = await (await startPostgres(t)).newDatabase()
  const store = await openStore({ dataDir: '', database })
  await store.server.set('version', '99')
  await store.close()

  await t.rejects(openStore({ dataDir: '', database }), { code: 'DATABASE_NEWER' })
})

async function oldData(t: Test): Promise<string> {
  const dataDir = t.testdir({})
  const database = new DatabaseSync(join(dataDir, 'control-plane.db'))
  database.exec(await readFile(unversioned, 'utf8'))
  database.close()
  return dataDir
}
