import { table } from '../print/table.ts'
import { labelsCell } from './labels.ts'
import { policyCell } from './policy.ts'

type Row = Readonly<Record<string, unknown>>
type Cell = (row: Row) => string

interface Columns {
  readonly heads: readonly string[]
  readonly cells: readonly Cell[]
  /** Fields of ids, which are shown on request. */
  readonly ids: readonly string[]
  /** What is said where there is no row. */
  readonly none: string
  /** Below the table. */
  readonly notes: (rows: readonly Row[]) => readonly string[]
}

const of =
  (name: string): Cell =>
  (row) => {
    const value = row[name]
    return typeof value === 'string' && value !== '' ? value : '-'
  }
const timeOf =
  (name: string): Cell =>
  (row) =>
    of(name)(row).slice(0, 19)

/** The lists of the control plane for a person: names in place of ids. */
const lists = {
  agents: {
    heads: ['AGENT', 'HOST', 'STATUS', 'LAST HEARTBEAT (UTC)', 'LABELS'],
    cells: [of('name'), of('hostname'), agentStatus, timeOf('last_heartbeat_at'), labelsCell],
    ids: ['id'],
    none: 'No agent is enrolled yet: waxseal control-plane token, then waxseal enroll on the host.',
    notes: (rows) =>
      rows.some(({ twin: of }) => typeof of === 'object' && of !== null)
        ? [
            '',
            'TWO HOSTS: more than one host calls with the credential of this agent. Find the copy and end it; then waxseal control-plane readmit gives the right one a new credential.',
          ]
        : [],
  },
  targets: {
    heads: ['TARGET', 'AGENT', 'TYPE', 'RENEWAL', 'DAYS LEFT', 'DRIFT'],
    cells: [of('name'), of('agent_name'), of('type'), renewal, daysLeft, drift],
    ids: ['id'],
    none: 'There is no target yet: waxseal control-plane add-target.',
    notes: (rows) =>
      rows.some((row) => ['due', 'late', 'expired'].includes(renewal(row)))
        ? ['', 'When each is renewed, and what was in the way: waxseal control-plane certificates.']
        : [],
  },
  certificates: {
    heads: ['CERTIFICATE', 'AGENT', 'ENDS (UTC)', 'NEXT RENEWAL (UTC)', 'POLICY', 'DEPLOYED', 'PROVEN', 'LAST ERROR'],
    cells: [
      of('common_name'),
      of('agent_name'),
      timeOf('not_after'),
      nextRenewal,
      policyCell,
      (row) => countOf(row, ({ is_deployed }) => is_deployed === true),
      (row) => countOf(row, ({ proven }) => proven === true),
      lastError,
    ],
    ids: ['id'],
    none: 'There is no certificate yet: waxseal control-plane request.',
    notes: () => [],
  },
  discovered: {
    heads: ['FINGERPRINT', 'STATUS', 'AGENT', 'ENDS (UTC)', 'NAMES', 'PATH'],
    cells: [
      (row) => of('fingerprint')(row).slice(0, 16),
      of('status'),
      of('agent_name'),
      timeOf('not_after'),
      foundNames,
      of('path'),
    ],
    ids: ['fingerprint', 'certificate_id'],
    none: 'No agent has told of a certificate: discovery.folders in its configuration says where it searches.',
    notes: (rows) =>
      rows.some(({ status: is }) => is === 'new')
        ? [
            '',
            'New: nobody here renews it. waxseal control-plane bind FINGERPRINT --target TARGET has one of ours take its place.',
          ]
        : [],
  },
  jobs: {
    heads: ['CREATED (UTC)', 'TYPE', 'STATUS', 'AGENT', 'TARGET', 'CERTIFICATE', 'ERROR'],
    cells: [timeOf('created_at'), of('type'), status, of('agent_name'), of('target_name'), of('common_name'), error],
    ids: ['id', 'certificate_id'],
    none: 'There is no job yet: waxseal control-plane request.',
    notes: (rows) => [
      ...(rows.some(isUnproven)
        ? [
            '',
            'Unproven: the new pair is in place, and no listener of the host has shown it: waxseal verify on the host looks again.',
          ]
        : []),
      ...(rows.some(isAsked)
        ? [
            '',
            'Cancel requested: its agent ends it where it has not begun it. If the host is gone for good: waxseal control-plane end JOB.',
          ]
        : []),
    ],
  },
  orders: {
    heads: ['TARGET', 'HOST', 'NAMES', 'SEQUENCE', 'ENDS (UTC)', 'KEY', 'ADDED (UTC)', 'BY'],
    cells: [
      of('target'),
      of('host'),
      ({ names }) => (Array.isArray(names) ? names.join(' ') : '-'),
      ({ sequence }) => String(sequence),
      timeOf('not_after'),
      (row) => of('key')(row).slice(0, 16),
      timeOf('added_at'),
      of('added_by'),
    ],
    ids: ['target_id', 'key'],
    none: 'There is no standing order: waxseal control-plane order TARGET prints what is to be signed.',
    notes: () => [],
  },
  tokens: {
    heads: ['TOKEN', 'STATE', 'ENDS (UTC)', 'USES LEFT', 'FOR', 'MADE (UTC)', 'BY'],
    cells: [
      of('id'),
      of('state'),
      timeOf('expires_at'),
      ({ uses_left: left }) => String(left),
      (row) => (of('agent_name')(row) === '-' ? of('names')(row) : `${of('agent_name')(row)} alone`),
      timeOf('created_at'),
      of('created_by'),
    ],
    ids: [],
    none: 'There is no token: waxseal control-plane token makes one.',
    notes: () => [],
  },
} as const satisfies Readonly<Record<string, Columns>>

/** The rows of one list as a table; `isWide`: with their ids. */
export function operatorTable(list: keyof typeof lists, rows: readonly Row[], isWide: boolean): readonly string[] {
  const { heads, cells, ids, none, notes }: Columns = lists[list]
  if (rows.length === 0) return [none]
  const wide = isWide ? ids : []
  const widened = [...cells, ...wide.map(of)]
  return [
    ...table(
      [...heads, ...wide.map((name) => name.toUpperCase().replace('_', ' '))],
      rows.map((row) => widened.map((cell) => cell(row))),
    ),
    ...notes(rows),
  ]
}

/** Of the host, else of the subject. */
function foundNames(row: Row): string {
  const { sans } = row
  return Array.isArray(sans) && sans.length > 0 ? sans.slice(0, 5).map(String).join(' ') : of('common_name')(row)
}

function agentStatus(row: Row): string {
  return typeof row['twin'] === 'object' && row['twin'] !== null ? `${of('status')(row)}, TWO HOSTS` : of('status')(row)
}

function status(row: Row): string {
  const word = of('status')(row)
  if (isUnproven(row)) return `${word}, unproven`
  const from = timeOf('not_before')(row)
  if (['Pending', 'AwaitingCSR'].includes(word) && from > new Date().toISOString()) return `${word}, from ${from}`
  return isAsked(row) ? `${word}, cancel requested` : word
}

/** To be cancelled, and not over yet. */
function isAsked(row: Row): boolean {
  return typeof row['cancel_requested_at'] === 'string' && ['Pending', 'Running'].includes(of('status')(row))
}

/** The pair is in place, and nobody saw it served. */
function isUnproven({ proven }: Row): boolean {
  return proven === false
}

function renewal({ renewal: of }: Row): string {
  return typeof of === 'object' && of !== null && 'stage' in of ? String(of.stage) : '-'
}

function daysLeft({ renewal: of }: Row): string {
  return typeof of === 'object' && of !== null && 'days_left' in of ? String(of.days_left) : '-'
}

/** What is happening, else when something will. */
function nextRenewal(row: Row): string {
  const { open_job: job, revoked_at: revokedAt } = row
  const revoked = typeof revokedAt === 'string' ? 'revoked, ' : ''
  if (typeof job !== 'object' || job === null || !('status' in job))
    return `${revoked}${timeOf('next_renewal_at')(row)}`
  return `${revoked}now: ${job.status === 'AwaitingCSR' ? awaited(job) : 'is signed'}`
}

function awaited(job: Row): string {
  if (job['window'] === 'overridden') return 'waits for its agent, and for no window'
  const from = timeOf('not_before')(job)
  return job['window'] === 'held' && from > new Date().toISOString()
    ? `waits for its window (${from})`
    : 'waits for its agent'
}

/** `1 of 2` of its targets. */
function countOf(row: Row, isOne: (target: Row) => boolean): string {
  const targets = targetsOf(row)
  return targets.length === 0 ? '-' : `${targets.filter(isOne).length} of ${targets.length}`
}

/** Of its renewal, else of a deployment. */
function lastError(row: Row): string {
  const failed = targetsOf(row).find((target) => typeof target['error'] === 'string')
  return error({ error: row['last_error'] ?? failed?.['error'] })
}

function targetsOf({ targets }: Row): readonly Row[] {
  return Array.isArray(targets) ? (targets as readonly Row[]) : []
}

function drift({ drift: of }: Row): string {
  if (typeof of !== 'object' || of === null || !('reasons' in of) || !Array.isArray(of.reasons)) return '-'
  return of.reasons.map(String).join(' ')
}

/** The code alone: `job --json` and `waxseal explain` say the rest. */
function error(row: Row): string {
  const text = of('error')(row)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
