import type { Dialect } from '../database.ts'

/** Labels of agents. */
export function agentLabels({ tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE agent_label (agent_id TEXT NOT NULL REFERENCES agent(id), name TEXT NOT NULL, value TEXT NOT NULL,
      PRIMARY KEY (agent_id, name)) ${tableOptions}`,
    'CREATE INDEX agent_label_value ON agent_label (name, value, agent_id)',
  ]
}
