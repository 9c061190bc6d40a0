import type { Dialect } from '../database.ts'

/** What hosts are asked to look at from outside, and what they saw. */
export function looks({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE look (id TEXT PRIMARY KEY, agent_id TEXT NOT NULL REFERENCES agent(id), domain TEXT NOT NULL,
      asked_at ${integer} NOT NULL, asked_by TEXT NOT NULL, handed_at ${integer}, ended_at ${integer}, report TEXT, refusal TEXT) ${tableOptions}`,
    'CREATE INDEX look_open ON look (agent_id, asked_at) WHERE ended_at IS NULL',
  ]
}
