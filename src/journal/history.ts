import { type LineLog, openLineLog } from '../host/file/line-log.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { schemaCheck } from '../schema/schema-check.ts'

/** One deployment that ended, in a line. */
export interface HistoryLine {
  /** RFC 3339, UTC. */
  readonly time: string
  readonly target: string
  /** What its operator called it then; missing: nothing else than that. */
  readonly targetName?: string
  readonly connector: string
  readonly outcome: Outcome['outcome']
  readonly host: Outcome['host']
  readonly code: string | null
  readonly message: string
  /** SHA-256 of the leaf; null: it never came to one. */
  readonly sha256: string | null
  /** False: it is deployed, and no listener showed it. Missing in lines of an older Waxseal. */
  readonly proven?: boolean
  /** What commands printed that says why; missing: nothing. For root's own commands alone. */
  readonly printed?: readonly string[]
  readonly ms: number
  /** The job that asked for it; missing: a person did. */
  readonly job?: string
  /** The kept pair that was deployed again, by `waxseal rollback`; missing: a new one. */
  readonly generation?: number
  /** Its steps; missing in lines of an older Waxseal. */
  readonly steps?: readonly { readonly name: string; readonly ms: number }[]
}

/** What happened on this host. */
export interface History {
  append(line: HistoryLine): Promise<void>
  /** Oldest first. */
  read(): Promise<readonly HistoryLine[]>
  /** The last deployment of each target, those to targets that were forgotten since left out. */
  lastPerTarget(): Promise<ReadonlyMap<string, HistoryLine>>
  /** From this time on (RFC 3339, UTC) no deployment of the target is its last. */
  forget(target: string, time: string): Promise<void>
}

interface ForgottenLine {
  readonly time: string
  readonly target: string
  readonly forgotten: true
}

const maxBytes = 1024 * 1024

/** JSON schema of a line. */
export const historyLineSchema = {
  type: 'object',
  required: ['v', 'time', 'target', 'connector', 'outcome', 'host', 'code', 'message', 'sha256', 'ms'],
  properties: {
    v: { const: 1 },
    time: { type: 'string' },
    target: { type: 'string' },
    targetName: { type: 'string' },
    connector: { type: 'string' },
    outcome: { enum: ['deployed', 'unchanged', 'refused', 'rolled-back', 'rollback-failed'] },
    host: { enum: ['untouched', 'restored', 'changed', 'unknown'] },
    code: { type: ['string', 'null'] },
    message: { type: 'string' },
    sha256: { type: ['string', 'null'] },
    proven: { type: 'boolean' },
    printed: { type: 'array', maxItems: 200, items: { type: 'string' } },
    ms: { type: 'number' },
    job: { type: 'string' },
    generation: { type: 'integer', minimum: 1 },
    steps: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'ms'],
        properties: { name: { type: 'string' }, ms: { type: 'number' } },
      },
    },
  },
} as const

/** JSON schema of the line that says that a target was forgotten. */
export const forgottenLineSchema = {
  type: 'object',
  required: ['v', 'time', 'target', 'forgotten'],
  properties: {
    v: { const: 1 },
    time: { type: 'string' },
    target: { type: 'string' },
    forgotten: { const: true },
  },
} as const

const isLine = schemaCheck<HistoryLine>(historyLineSchema)
const isForgotten = schemaCheck<ForgottenLine>(forgottenLineSchema)

/** What a job did not come to change: of these a control plane can have as many as it likes. */
function isDear(line: unknown): boolean {
  return !isLine(line) || line.job === undefined || line.host !== 'untouched'
}

const longestMessage = 4096

/** Opens the history below the state directory; rotated at 1 MiB. A flood of jobs that change nothing pushes out no line of another. */
export function openHistory(path: string): History {
  const log: LineLog = openLineLog(path, maxBytes, isDear)
  return {
    append: (line) => log.append({ v: 1, ...line, message: line.message.slice(0, longestMessage) }),
    read: async () => (await log.read()).filter((line) => isLine(line)),
    lastPerTarget: async () => {
      const last = new Map<string, HistoryLine>()
      for (const line of await log.read()) {
        if (isLine(line)) last.set(line.target, line)
        else if (isForgotten(line)) last.delete(line.target)
      }
      return last
    },
    forget: async (target, time) => log.append({ v: 1, time, target, forgotten: true }),
  }
}
