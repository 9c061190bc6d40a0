import { table } from '../print/table.ts'

type Row = Readonly<Record<string, unknown>>
type Cell = (row: Row) => string

interface Columns {
  readonly heads: readonly string[]
  readonly cells: readonly Cell[]
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
    heads: ['AGENT', 'HOST', 'STATUS', 'LAST HEARTBEAT (UTC)'],
    cells: [of('name'), of('hostname'), agentStatus, timeOf('last_heartbeat_at')],
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
    none: 'There is no target yet: waxseal control-plane add-target.',
    notes: (rows) =>
      rows.some((row) => ['due', 'late', 'expired'].includes(renewal(row)))
        ? [
            '',
            'Nothing is renewed by itself here: waxseal control-plane request with the agent, names and targets of what is due.',
          ]
        : [],
  },
  jobs: {
    heads: ['CREATED (UTC)', 'TYPE', 'STATUS', 'AGENT', 'TARGET', 'CERTIFICATE', 'ERROR'],
    cells: [timeOf('created_at'), of('type'), status, of('agent_name'), of('target_name'), of('common_name'), error],
    none: 'There is no job yet: waxseal control-plane request.',
    notes: (rows) =>
      rows.some(isUnproven)
        ? [
            '',
            'Unproven: the new pair is in place, and no listener of the host has shown it: waxseal verify on the host looks again.',
          ]
        : [],
  },
} as const satisfies Readonly<Record<string, Columns>>

/** The rows of one list as a table; `isWide`: with their ids. */
export function operatorTable(list: keyof typeof lists, rows: readonly Row[], isWide: boolean): readonly string[] {
  const { heads, cells, none, notes }: Columns = lists[list]
  if (rows.length === 0) return [none]
  const ids = list === 'jobs' ? ['id', 'certificate_id'] : ['id']
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

function agentStatus(row: Row): string {
  return typeof row['twin'] === 'object' && row['twin'] !== null ? `${of('status')(row)}, TWO HOSTS` : of('status')(row)
}

function status(row: Row): string {
  return isUnproven(row) ? `${of('status')(row)}, unproven` : of('status')(row)
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

function drift({ drift: of }: Row): string {
  if (typeof of !== 'object' || of === null || !('reasons' in of) || !Array.isArray(of.reasons)) return '-'
  return of.reasons.map(String).join(' ')
}

/** The code alone: `job --json` and `waxseal explain` say the rest. */
function error(row: Row): string {
  const text = of('error')(row)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
