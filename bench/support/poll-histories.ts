import { join } from 'node:path'
import type { Database } from '../../src/server/store/database.ts'
import { openPostgres } from '../../src/server/store/postgres/open-postgres.ts'
import { openSqlite } from '../../src/server/store/sqlite/open-sqlite.ts'
import { addBenchAgents, type BenchPlace, type BenchServer, startBenchServer } from './bench-server.ts'
import { spreadOf } from './figures.ts'

/** How long polls took on a server with so many finished jobs. */
export interface PollFigures {
  readonly history: number
  readonly polls: number
  readonly p50Ms: number
  readonly p95Ms: number
  /** Of the p50, to that of the first history, which polled in turn with this one. */
  readonly ratio: number
}

/** How it is measured. */
export interface PollPlan {
  /** Numbers of finished jobs; the first one is what the others are compared with. */
  readonly histories: readonly number[]
  readonly agents: number
  /** How often each agent polls each server. */
  readonly rounds: number
}

interface Site {
  readonly history: number
  readonly server: BenchServer
  readonly waits: number[]
}

/** So many polls are under way at once. */
const atOnce = 8
const chunk = 50_000

/** A server for each history, polled in turn: what else the machine does meets all of them. */
export async function pollHistories(
  place: (history: number) => Promise<BenchPlace>,
  { histories, agents, rounds }: PollPlan,
): Promise<readonly PollFigures[]> {
  const ids = Array.from({ length: agents }, (_, at) => `agent-${at}`)
  const sites: Site[] = []
  try {
    for (const history of histories) {
      const where = await place(history)
      await addBenchAgents(where, ids)
      await addHistory(where, history, agents)
      sites.push({ history, server: await startBenchServer(where), waits: [] })
    }
    // Connections and statements are new in the first.
    for (const { server } of sites) await pollAll(server, ids)
    for (let round = 0; round < rounds; round += 1)
      for (const { server, waits } of sites) waits.push(...(await pollAll(server, ids)))
  } finally {
    for (const { server } of sites) await server.stop()
  }
  const first = spreadOf(sites[0]?.waits ?? []).medianMs
  return sites.map(({ history, waits }) => {
    const { medianMs: p50Ms, p95Ms } = spreadOf(waits)
    return { history, polls: waits.length, p50Ms, p95Ms, ratio: Number((p50Ms / first).toFixed(2)) }
  })
}

/** Each agent once; returns what each waited, in milliseconds. */
async function pollAll(server: BenchServer, ids: readonly string[]): Promise<readonly number[]> {
  const waits: number[] = []
  const left = [...ids]
  const work = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const start = performance.now()
      const status = await server.call(id, 'GET', '/work')
      if (status !== 200) throw new Error(`a poll was answered ${status}`)
      waits.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return waits
}

/** Deployments that ended, spread over the agents. */
export async function addHistory({ dir, database }: BenchPlace, jobs: number, agents: number): Promise<void> {
  const db: Database =
    database === undefined ? openSqlite(join(dir, 'control-plane.db'), Date.now) : openPostgres(database)
  for (let from = 0; from < jobs; from += chunk)
    await db.query(
      `WITH RECURSIVE n(i) AS
          (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST($2 AS BIGINT))
        INSERT INTO job (id, type, agent_id, certificate_id, version_number, target_id, status, attempt, outcome, created_at,
            updated_at, is_reaped)
          SELECT 'job-past-' || i, 'Deployment', 'agent-' || (i % CAST($3 AS BIGINT)),
            'cert-agent-' || (i % CAST($3 AS BIGINT)), 1, 'target-agent-' || (i % CAST($3 AS BIGINT)),
            CASE WHEN i % 20 = 0 THEN 'Failed' ELSE 'Completed' END, 1, '{"outcome":"deployed","proven":true}',
            CAST($4 AS BIGINT) + i, CAST($4 AS BIGINT) + i, 0 FROM n`,
      [from, Math.min(jobs, from + chunk), agents, Date.now() - jobs],
    )
  // As autovacuum does in a history that grows by and by.
  if (database !== undefined) await db.query('ANALYZE')
  await db.close()
}
