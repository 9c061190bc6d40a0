import type { Test } from 'tap'
import type { Signer } from '../../src/server/operation/certificate/signer.ts'
import { dueAt } from '../../src/server/renewal/when-due.ts'
import { openStore } from '../../src/server/store/open-store.ts'
import type { TlsaRow } from '../../src/server/store/rollover-rows.ts'
import type { AgentRow, CertificateRow, JobRow, SigningRow } from '../../src/server/store/rows.ts'

/** A store below the operations, without a server. */
export interface StoreSite {
  readonly store: Awaited<ReturnType<typeof openStore>>
  setTime(at: number): void
  pass(ms: number): void
  /** When the newest version of a certificate is due; NaN: it has none. */
  due(certificateId: string): Promise<number>
}

/** Opens one with an agent, and a target of it for each id; its clock begins at `start` and stands still. */
export async function openStoreSite(
  t: Test,
  about: {
    /** Of PostgreSQL; undefined: SQLite. */
    readonly database: string | undefined
    readonly start: number
    readonly agent: AgentRow
    readonly targets: readonly string[]
  },
): Promise<StoreSite> {
  const { database, start, agent, targets } = about
  let now = start
  const store = await openStore({ dataDir: t.testdir({}), database, now: () => now })
  t.teardown(() => store.close())
  await store.agents.add(agent)
  for (const id of targets) await store.targets.add({ id, name: id, agentId: agent.id, type: 'Postfix', config: {} })
  return {
    store,
    setTime: (at) => {
      now = at
    },
    pass: (ms) => {
      now += ms
    },
    due: async (id) => {
      const version = await store.versions.newest(id)
      return version === null ? Number.NaN : dueAt(version, null)
    },
  }
}

/** An agent that has called nothing yet. */
export function agentRow(fields: Partial<AgentRow> = {}): AgentRow {
  return {
    id: 'agent-1',
    name: 'mail-1',
    hostname: 'mail-1.example.net',
    status: 'active',
    features: [],
    registeredAt: 0,
    ...fields,
  }
}

/** A certificate that nobody has signed yet. */
export function certificateRow(fields: Partial<CertificateRow> = {}): CertificateRow {
  return {
    id: 'cert-1',
    agentId: 'agent-1',
    commonName: 'mail.example.net',
    sans: [],
    validityDays: 47,
    renewShare: null,
    issuers: [],
    keyPolicy: 'rotate',
    keyType: null,
    nextSpki: null,
    fallBackAfter: null,
    fallBackShare: null,
    nextRenewalAt: null,
    renewalFailures: 0,
    lastError: null,
    revokedAt: null,
    createdAt: 0,
    ...fields,
  }
}

/** A deployment that nobody has asked for yet. */
export function jobRow(fields: Partial<JobRow> = {}): JobRow {
  return {
    seq: 1,
    id: 'job-1',
    type: 'Deployment',
    agentId: 'agent-1',
    certificateId: 'cert-1',
    versionNumber: 1,
    targetId: 'target-1',
    status: 'Pending',
    attempt: 0,
    leaseUntil: null,
    notBefore: null,
    handOutUntil: null,
    deadline: null,
    cancelRequestedAt: null,
    error: null,
    outcome: null,
    verification: null,
    createdAt: 0,
    updatedAt: 0,
    isReaped: false,
    isByHost: false,
    ...fields,
  }
}

/** A CSR that has come, and is due. */
export function signingRow(fields: Partial<SigningRow> = {}): SigningRow {
  return {
    id: 'signing-1',
    jobId: null,
    certificateId: 'cert-1',
    csrPem: 'CSR',
    spki: 'ab',
    state: 'open',
    attempts: 0,
    nextTryAt: 0,
    error: null,
    ...fields,
  }
}

/** A record that is to be published, and was on no server yet. */
export function tlsaRow(fields: Partial<TlsaRow> = {}): TlsaRow {
  return {
    targetId: 'target-1',
    name: '_25._tcp.mail.example.net',
    spki: 'key-1',
    state: 'wanted',
    isByOther: false,
    lackingMs: 0,
    seenAt: null,
    waitMs: 0,
    changedAt: 0,
    actedAt: null,
    ...fields,
  }
}

/** Of a server that ends before it has signed anything. */
export function signerThatEnds(check: Signer['check']): Signer {
  const nothing = async (): Promise<void> => {}
  return {
    issuers: [],
    order: [],
    check,
    inTurn: (work) => work(),
    sign: async () => null,
    signDue: nothing,
    end: nothing,
  }
}
