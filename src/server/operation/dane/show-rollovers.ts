import type { ByHand } from '../../dane/by-hand.ts'
import { type NeededKey, neededKeys, runnableJobs } from '../../dane/keys-in-use.ts'
import { isUsable, usableAt } from '../../dane/observe.ts'
import type { Page } from '../../store/page.ts'
import type { RolloverNameRow, TlsaRow } from '../../store/rollover-rows.ts'
import type { ListedRollover } from '../../store/rollover-store.ts'
import type { JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { byHandAt } from './by-hand-at.ts'
import { targetHistory } from './target-history.ts'

/** The record of a key, and why it is there; `unneeded`: it goes. */
export interface ShownRecord {
  readonly row: TlsaRow
  readonly why: NeededKey['why'] | 'unneeded'
  readonly isUsable: boolean
}

/** A target with roll-over: its names with their records, and the jobs that wait for them. */
export interface ShownRollover {
  readonly rollover: ListedRollover
  readonly names: readonly ShownName[]
  readonly waiting: readonly WaitingJob[]
}

/** A name with its records, and what a person has to do there. */
export interface ShownName extends ByHand {
  readonly name: RolloverNameRow
  readonly records: readonly ShownRecord[]
}

/** A job that waits for records. */
export interface WaitingJob {
  readonly job: JobRow
  /** Its records are usable then, if nothing changes, milliseconds since 1970; null: one of them is not seen everywhere yet. */
  readonly until: number | null
}

/** By the names of targets; `agentId`: of this one's alone. */
export async function listRollovers(
  { store }: Pick<Parts, 'store'>,
  page: Page,
  agentId?: string,
): Promise<readonly ShownRollover[]> {
  const shown: ShownRollover[] = []
  for (const rollover of await store.rollovers.list(page, { agentId })) shown.push(await show(store, rollover))
  return shown
}

/** One, by the id or name of its target. */
export async function showRollover({ store }: Pick<Parts, 'store'>, target: string): Promise<ShownRollover> {
  const { id, name } = await targetNamed(store, target)
  const [rollover] = await store.rollovers.list({ limit: 1 }, { targetId: id })
  if (rollover === undefined)
    throw new Refusal('missing', `roll-over is not on for ${name}: waxseal control-plane dane ${name} --rollover`)
  return show(store, rollover)
}

async function show(store: Store, rollover: ListedRollover): Promise<ShownRollover> {
  const { targetId } = rollover
  const at = await store.now()
  const history = await targetHistory(store, targetId)
  const needed = neededKeys(history)
  const rows = await store.rollovers.records(targetId)
  const passes = await store.rollovers.passes(targetId)
  const hasPass = ({ id }: JobRow): boolean => passes.some(({ jobId, until }) => jobId === id && until > at)
  const names = await store.rollovers.names(targetId)
  return {
    rollover,
    names: await Promise.all(
      names.map(async (name) => {
        const own = rows.filter((row) => row.name === name.name)
        const records = own.map((row) => ({ row, why: whyOf(needed, row), isUsable: isUsable(row, at) }))
        return { name, records, ...(await byHandAt(store, name, own)) }
      }),
    ),
    waiting: runnableJobs(history).flatMap(({ job, version: { spki } }) =>
      job.attempt === 0 && !hasPass(job) ? [{ job, until: lastUsableAt(names, rows, spki) }] : [],
    ),
  }
}

function whyOf(needed: readonly NeededKey[], { spki }: TlsaRow): ShownRecord['why'] {
  return needed.find((key) => key.spki === spki)?.why ?? 'unneeded'
}

function lastUsableAt(names: readonly RolloverNameRow[], rows: readonly TlsaRow[], spki: string): number | null {
  const times = names.map(({ name }) => {
    const row = rows.find((one) => one.name === name && one.spki === spki)
    return row === undefined ? null : usableAt(row)
  })
  return times.includes(null) ? null : Math.max(...times.filter((time) => time !== null))
}
