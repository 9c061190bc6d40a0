import { createHash } from 'node:crypto'
import type { Clock } from '../host/clock.ts'
import { type DocumentFolder, openDocumentFolder } from '../host/file/folder/document-folder.ts'
import { limits } from '../limit/limits.ts'
import { requireRoomWithin } from '../limit/within.ts'
import type { Command } from '../plan/plan.ts'

/** How often jobs have a daemon load new files. On disk: the deployer ends whenever there is nothing to do. */
export interface ReloadRate {
  /** LIMIT_EXCEEDED: one of these commands was run too often within the hour. */
  requireRoom(commands: readonly Command[]): Promise<void>
  /** Counts one transaction with these commands, durably. LIMIT_EXCEEDED: none is counted. */
  count(commands: readonly Command[]): Promise<void>
}

interface Runs {
  /** Milliseconds since 1970. */
  readonly times: readonly number[]
}

const hourMs = 3_600_000

/** Opens the counts below the state directory. A document per command: what a job calls a service counts for nothing. */
export async function openReloadRate(path: string, clock: Clock, isShared = false): Promise<ReloadRate> {
  const folder = await openDocumentFolder<Runs>({ path, schema: runsSchema, isShared })
  const requireRoom = async (ids: readonly string[]): Promise<readonly (readonly number[])[]> => {
    const runs = await Promise.all(ids.map((id) => recentRuns(id, folder, clock.now())))
    for (const times of runs) requireRoomWithin('reloadsPerHour', times, hourMs)
    return runs
  }
  return {
    requireRoom: async (commands) => {
      await requireRoom(idsOf(commands))
    },
    count: async (commands) => {
      const ids = idsOf(commands)
      const runs = await requireRoom(ids)
      for (const [index, id] of ids.entries()) await folder.put(id, { times: [...(runs[index] ?? []), clock.now()] })
    },
  }
}

/** A clock that went back makes nothing wait for ever. */
async function recentRuns(id: string, folder: DocumentFolder<Runs>, now: number): Promise<readonly number[]> {
  const known = await folder.get(id)
  return (known?.times ?? []).filter((time) => time > now - hourMs && time <= now)
}

function idsOf(commands: readonly Command[]): readonly string[] {
  const words = new Set(commands.map((command) => JSON.stringify(command)))
  return [...words].map((command) => createHash('sha256').update(command).digest('hex'))
}

const runsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['times'],
  properties: { times: { type: 'array', maxItems: limits.reloadsPerHour.most, items: { type: 'number' } } },
} as const
