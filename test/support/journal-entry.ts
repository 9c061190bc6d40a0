import type { JournalEntry, JournalledDeployment } from '../../src/journal/journal.ts'
import type { ChangeSet } from '../../src/plan/change-set.ts'

export type Changes = Partial<Omit<JournalEntry, 'deployments'>> & Partial<JournalledDeployment>

/** What a deployment of these changes onto a daemon without ports writes into the journal. */
export function journalEntry({ files, link }: ChangeSet, changes: Changes = {}): JournalEntry {
  const { service, begun, phase, checks, activate, recover, ...deployment } = changes
  return {
    service: service ?? 'postfix',
    begun: begun ?? '2026-11-24T03:04:05.000Z',
    phase: phase ?? 'deploying',
    deployments: [{ ...journalledDeployment({ files, link }), ...deployment }],
    checks: checks ?? [['true']],
    activate: activate ?? [['true']],
    recover: recover ?? [['true']],
  }
}

/** One of the deployments of an entry. */
export function journalledDeployment({ files, link }: ChangeSet, target = 'target'): JournalledDeployment {
  return {
    connector: 'postfix',
    target,
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
    probes: [],
    retry: { attempts: 1, initialMs: 0, maxMs: 0 },
    oldLeaves: [],
    newLeaf: 'a'.repeat(64),
    record: {
      certificate: {
        names: ['mail.example.net'],
        serial: '01',
        notBefore: '2026-11-01T00:00:00.000Z',
        notAfter: '2027-01-01T00:00:00.000Z',
        spkiSha256: 'b'.repeat(64),
        sha256: 'a'.repeat(64),
      },
      planDigest: 'c'.repeat(64),
      files: files.map(({ destination, role, after }) => ({ path: destination, role, ...after })),
      check: ['true'],
    },
  }
}
