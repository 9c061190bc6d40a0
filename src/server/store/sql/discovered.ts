import type { Database } from '../database.ts'
import type { DiscoveredRow, DiscoveredStore, ListedDiscovered } from '../discovered-store.ts'
import { firstOf, fromRows, toColumn } from './columns.ts'

const columns = [
  ['agent_id', 'agentId'],
  ['fingerprint', 'fingerprint'],
  ['path', 'path'],
  ['format', 'format'],
  ['common_name', 'commonName'],
  ['sans', 'sans'],
  ['issuer', 'issuer'],
  ['subject', 'subject'],
  ['serial', 'serial'],
  ['not_before', 'notBefore'],
  ['not_after', 'notAfter'],
  ['key_algorithm', 'keyAlgorithm'],
  ['key_size', 'keySize'],
  ['is_ca', 'isCa'],
] as const

const here = 'agent_id = $1 AND fingerprint = $2 AND path = $3'

const status = `CASE WHEN discovered.gone_at IS NOT NULL THEN 'gone'
  WHEN discovered.certificate_id IS NOT NULL THEN 'bound'
  WHEN EXISTS (SELECT 1 FROM version WHERE version.fingerprint = discovered.fingerprint) THEN 'managed' ELSE 'new' END`

/** What is found on hosts, over SQL. */
export function sqlDiscovered(db: Database): DiscoveredStore {
  return { ...sightings(db), ...bindings(db) }
}

function sightings(db: Database): Pick<DiscoveredStore, 'see' | 'has' | 'count' | 'forgetGone' | 'setGone' | 'list'> {
  return {
    see: async (found, at) => {
      await db.query(
        `INSERT INTO discovered (${columns.map(([name]) => name).join(', ')}, first_seen, last_seen, certificate_id)
          VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')}, $15, $15,
            (SELECT max(other.certificate_id) FROM discovered AS other WHERE other.agent_id = $1 AND other.fingerprint = $2))
          ON CONFLICT (agent_id, fingerprint, path) DO UPDATE SET last_seen = excluded.last_seen, gone_at = NULL`,
        [...columns.map(([, field]) => toColumn(found[field])), at],
      )
    },
    has: async ({ agentId, fingerprint, path }) =>
      (await db.query(`SELECT 1 AS found FROM discovered WHERE ${here}`, [agentId, fingerprint, path])).length > 0,
    count: async (agentId) =>
      Number((await db.query('SELECT count(*) AS count FROM discovered WHERE agent_id = $1', [agentId]))[0]?.['count']),
    forgetGone: async (agentId, most) => {
      await db.query(
        `DELETE FROM discovered WHERE seq IN (SELECT seq FROM discovered
          WHERE agent_id = $1 AND gone_at IS NOT NULL AND certificate_id IS NULL ORDER BY gone_at, seq LIMIT $2)`,
        [agentId, most],
      )
    },
    setGone: async ({ agentId, fingerprint, path }, at) => {
      await db.query(`UPDATE discovered SET gone_at = $4 WHERE ${here} AND gone_at IS NULL`, [
        agentId,
        fingerprint,
        path,
        at,
      ])
    },
    list: async ({ after = '0', limit }, { agentId = '', status: wanted = '', hasCas }) =>
      fromRows<ListedDiscovered>(
        await db.query(
          `SELECT * FROM (SELECT discovered.*, agent.name AS agent_name, ${status} AS status
            FROM discovered JOIN agent ON agent.id = discovered.agent_id
            WHERE agent.status = 'active' AND discovered.seq > $1 AND ($3 = '' OR discovered.agent_id = $3)
              AND ($5 = 1 OR discovered.is_ca = 0)) AS listed
            WHERE $4 = '' OR status = $4 ORDER BY seq LIMIT $2`,
          [Number(after), limit, agentId, wanted, hasCas ? 1 : 0],
        ),
      ),
  }
}

function bindings(db: Database): Pick<DiscoveredStore, 'named' | 'bind' | 'boundTo' | 'managedBy'> {
  return {
    named: async (agentId, fingerprint) =>
      fromRows<DiscoveredRow>(
        await db.query(
          `SELECT * FROM discovered WHERE agent_id = $1 AND fingerprint >= $2 AND fingerprint < $3 ORDER BY seq
            ${db.dialect.forUpdate}`,
          // Behind the last digit.
          [agentId, fingerprint, `${fingerprint}g`],
        ),
      ),
    bind: async (agentId, fingerprint, certificateId) => {
      await db.query('UPDATE discovered SET certificate_id = $3 WHERE agent_id = $1 AND fingerprint = $2', [
        agentId,
        fingerprint,
        certificateId,
      ])
    },
    boundTo: async (certificateId) =>
      firstOf<DiscoveredRow>(
        await db.query('SELECT * FROM discovered WHERE certificate_id = $1 ORDER BY seq LIMIT 1', [certificateId]),
      ),
    managedBy: async (fingerprint) => {
      const [row] = await db.query('SELECT certificate_id FROM version WHERE fingerprint = $1 LIMIT 1', [fingerprint])
      return row === undefined ? null : String(row['certificate_id'])
    },
  }
}
