import type { Dialect } from '../database.ts'

/** What is the matter, what of it is told, and of what nothing is told for a while. */
export function matters({ integer, tableOptions }: Dialect): readonly string[] {
  return [
    `CREATE TABLE matter (id TEXT PRIMARY KEY, kind TEXT NOT NULL, code TEXT NOT NULL, subject TEXT NOT NULL, agent TEXT,
      target TEXT, certificate TEXT, text TEXT NOT NULL, opened_at ${integer} NOT NULL, seen_at ${integer} NOT NULL,
      over_at ${integer}, told_at ${integer}, told_as TEXT, tellings ${integer} NOT NULL, counted_from ${integer} NOT NULL) ${tableOptions}`,
    `CREATE TABLE mute (id TEXT PRIMARY KEY, matter_id TEXT, kind TEXT, agent TEXT, target TEXT, until ${integer} NOT NULL,
      created_at ${integer} NOT NULL, created_by TEXT NOT NULL) ${tableOptions}`,
    `CREATE TABLE notice (id TEXT NOT NULL, channel TEXT NOT NULL, body TEXT NOT NULL, made_at ${integer} NOT NULL,
      attempts ${integer} NOT NULL, next_try_at ${integer} NOT NULL, ended_at ${integer}, error TEXT,
      PRIMARY KEY (id, channel)) ${tableOptions}`,
    'CREATE INDEX notice_due ON notice (next_try_at) WHERE ended_at IS NULL',
    // Whoever has this row makes the next message.
    `CREATE TABLE notice_turn (id ${integer} PRIMARY KEY) ${tableOptions}`,
    'INSERT INTO notice_turn (id) VALUES (1)',
  ]
}
