import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { openRandom } from '../../hostile/support/random.ts'
import { type ChaosFigures, type ChaosSite, type ChaosSize, runChaos } from '../../support/chaos/chaos.ts'
import { startKilledServer } from '../../support/chaos/killed-server.ts'
import type { Row } from '../../support/chaos/verdict.ts'
import { startProxy } from '../../support/misbehaving-proxy.ts'
import { startPostgres } from '../../support/postgres.ts'

/** `npm run soak:chaos`; a certificate is an issuance and two deployments. The seed chooses what is done, and not when it meets what. */
const isSoak = process.env['WAXSEAL_SOAK'] === '1'
const size: ChaosSize = isSoak
  ? { agents: 20, certificates: 520, breaks: 40, atOnce: 12 }
  : { agents: 6, certificates: 20, breaks: 8, atOnce: 1 }
const seed = Number(process.env['CHAOS_SEED'] ?? (isSoak ? Date.now() % 2 ** 31 : 17))

t.setTimeout(isSoak ? 7_200_000 : 300_000)
t.jobs = 2

t.test(`nothing is lost or done twice by one server on SQLite that is killed (seed ${seed})`, async (t) => {
  const dir = t.testdir({ data: {} })
  const [data, clockFile] = [join(dir, 'data'), join(dir, 'ahead')]
  const server = await startKilledServer(t, { dataDir: data, clockFile })
  const site = await siteOf(t, data, {
    servers: [server],
    more: {},
    setClock: (aheadMs) => writeFile(clockFile, String(aheadMs)),
    look: async (sql) => {
      const database = new DatabaseSync(join(data, 'control-plane.db'), { timeout: 10_000 })
      try {
        return database.prepare(sql).all()
      } finally {
        database.close()
      }
    },
  })

  hold(t, await runChaos(site, size, openRandom(seed)))
})

t.test(
  `nor by two behind a balancer that sends each request elsewhere, on a PostgreSQL that is killed, too (seed ${seed})`,
  async (t) => {
    const postgres = await startPostgres(t)
    const database = await postgres.newDatabase()
    const ask = async (sql: string): Promise<Row[]> => {
      const client = new Client({ connectionString: database })
      await client.connect()
      try {
        return (await client.query<Row>(sql)).rows
      } finally {
        await client.end()
      }
    }
    await ask(clockThatJumps)
    const dirs = t.testdir({ one: {}, two: {} })
    const [first, second] = [join(dirs, 'one'), join(dirs, 'two')]
    const one = await startKilledServer(t, { dataDir: first, database })
    for (const name of ['ca.pem', 'ca.key', 'operator-token']) await copyFile(join(first, name), join(second, name))
    const two = await startKilledServer(t, { dataDir: second, database })
    const site = await siteOf(t, first, {
      servers: [one, two],
      more: {
        'PostgreSQL restarted': () => postgres.stop().then(postgres.start),
        'PostgreSQL killed': () => postgres.kill().then(postgres.start),
      },
      setClock: async (aheadMs) => {
        await ask(`UPDATE ahead SET ms = ${aheadMs}`)
      },
      look: ask,
    })

    hold(t, await runChaos(site, size, openRandom(seed + 1)))
  },
)

/** What is found before the catalogue is used in place of PostgreSQL's own. */
const clockThatJumps = `CREATE TABLE ahead (ms BIGINT NOT NULL); INSERT INTO ahead VALUES (0);
  CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT pg_catalog.clock_timestamp() + (SELECT ms FROM public.ahead) * interval '1 millisecond' $$;
  DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`

async function siteOf(
  t: Test,
  dataDir: string,
  rest: Pick<ChaosSite, 'servers' | 'more' | 'setClock' | 'look'>,
): Promise<ChaosSite> {
  let requests = 0
  const places = {
    get target() {
      requests += 1
      return rest.servers[requests % rest.servers.length]?.url ?? ''
    },
  }
  const balancer = await startProxy(places, dataDir)
  t.teardown(balancer.close)
  const [caPem, token] = await Promise.all(
    ['ca.pem', 'operator-token'].map((name) => readFile(join(dataDir, name), 'utf8')),
  )
  return { ...rest, proxies: [balancer], caPem: caPem ?? '', operatorToken: (token ?? '').trim() }
}

function hold(t: Test, { violations, ...figures }: ChaosFigures): void {
  t.comment(JSON.stringify({ seed, ...size, ...figures }))
  t.same(violations, [])
  t.ok(figures.jobs >= size.certificates * 2 && figures.spoiled > 0, 'there was work, and it was disturbed')
}
