import type { HistoryLine } from '../../src/journal/history.ts'
import type { StatusDocument, TargetStatus } from '../../src/status/status-document.ts'

const leaf = 'ab'.repeat(32)

/** A deployment that went well, as the history keeps it; `changes` differ from it. */
export function aLine(changes: Partial<HistoryLine> = {}): HistoryLine {
  return {
    time: '2026-11-20T08:00:00.000Z',
    target: 'mx1',
    connector: 'postfix',
    outcome: 'deployed',
    host: 'changed',
    code: null,
    message: 'Deployed.',
    sha256: leaf,
    ms: 400,
    ...changes,
  }
}

/** A healthy target; `changes` differ from it. */
export function aTarget(changes: Partial<TargetStatus> = {}): TargetStatus {
  return {
    target: 'mx1-postfix',
    name: changes.target ?? 'mx1-postfix',
    connector: 'postfix',
    state: 'healthy',
    problems: [],
    deployed: {
      at: '2026-11-20T08:00:00.000Z',
      names: ['mail.example.net'],
      notBefore: '2026-11-20T08:00:00.000Z',
      notAfter: '2027-01-10T08:00:00.000Z',
      daysLeft: 46,
      lifetimeUsed: 0.08,
      sha256: leaf,
      spkiSha256: 'cd'.repeat(32),
      proven: true,
    },
    lookedAt: '2026-11-24T11:17:00.000Z',
    files: [{ path: '/etc/postfix/certs/cert.pem', role: 'certificate', leaf, ok: true }],
    endpoints: [
      { address: '127.0.0.1:25', protocol: 'smtp', servername: null, seen: leaf, ok: true, decides: true, error: null },
    ],
    dane: [],
    lastJob: {
      job: 'job-1',
      at: '2026-11-20T08:00:00.000Z',
      outcome: 'deployed',
      host: 'changed',
      code: null,
      message: 'Deployed, and seen on 1 of 1 probes.',
      ms: 412,
      steps: [{ name: 'material', ms: 12 }],
    },
    ...changes,
  }
}

/** A running agent with one healthy target; `changes` differ from it. */
export function aStatus(changes: Partial<StatusDocument> = {}): StatusDocument {
  return {
    v: 1,
    version: '0.1.0',
    hostname: 'mx1',
    at: '2026-11-24T12:00:00.000Z',
    phase: 'running',
    retired: false,
    ready: true,
    notReady: [],
    controlPlane: {
      url: 'https://certs.example.net:8443',
      lastPoll: '2026-11-24T11:59:50.000Z',
      lastHeartbeat: '2026-11-24T11:59:30.000Z',
      error: null,
    },
    currentJobs: [],
    inbox: 0,
    waiting: [],
    outbox: 0,
    deadLetters: [],
    targets: [aTarget()],
    recovered: [],
    setAside: [],
    warnings: [],
    ...changes,
  }
}
