import type { JournalEntry } from '../../src/journal/journal.ts'
import type { ChangeSet } from '../../src/plan/change-set.ts'

/** What a deployment of these changes onto a daemon without ports writes into the journal. */
export function journalEntry({ files, link }: ChangeSet, changes: Partial<JournalEntry> = {}): JournalEntry {
  return {
    connector: 'postfix',
    service: 'postfix',
    target: 'target',
    begun: '2026-11-24T03:04:05.000Z',
    phase: 'deploying',
    files: files.map(({ path, role, destination, staged, kept, before, after }) => ({
      path,
      role,
      destination,
      staged,
      kept,
      before,
      after,
    })),
    link,
    check: ['true'],
    activate: [['true']],
    recover: [['true']],
    probes: [],
    retry: { attempts: 1, initialMs: 0, maxMs: 0 },
    oldLeaves: [],
    newLeaf: 'a'.repeat(64),
    ...changes,
  }
}
