import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import { isUnmatched, notDone, undoneIn, unmatchedAnd } from '../../dane/problems.ts'
import { recordOf } from '../../dane/tlsa.ts'
import type { TlsaRow } from '../../store/rollover-rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import type { DaneDns } from './dane-dns.ts'
import { type NameLook, settleRollover, type TlsaAction } from './settle-rollover.ts'

/** For so long another server leaves it to the one that looks: longer than a look takes. */
const holdMs = 60_000
/** What did not begin by then does not begin: who needs a record again counts on that, and what was there then may have been removed since. */
const beginMs = 30_000
/** The next roll-over is as quick as this. */
const longestTtlMs = 3_600_000

/** What is needed for it. */
export interface RolloverParts {
  readonly store: Store
  readonly daneDns: DaneDns
  /** Milliseconds since any moment that no clock sets back; left out: of this process. */
  readonly elapsed?: () => number
}

/** Looks at one target, if its time has come and no other server is at it. Any number of servers may do it at any time, and each may die at any moment. */
export async function advanceRollover(parts: RolloverParts, targetId: string): Promise<void> {
  const { store, daneDns, elapsed = () => performance.now() } = parts
  const names = await store.transaction((inside) => takeTurn(inside, targetId))
  const looks = await Promise.all(
    names.map(async (name): Promise<NameLook> => {
      const from = await store.now()
      return { name, from, look: await daneDns.look(name) }
    }),
  )
  if (names.length === 0) return
  const since = elapsed()
  const actions = await store.transaction((inside) => settleRollover(inside, targetId, looks))
  const isInTime = (): boolean => elapsed() - since <= beginMs
  const [publish, remove] = [actions.filter(isPublish), actions.filter((action) => !isPublish(action))]
  // Together: a zone whose server hangs takes no time from another.
  if (isInTime()) await Promise.all(publish.map((action) => act(parts, action)))
  // One by one: each has its own time to be ended.
  for (const one of remove.flatMap((action) => action.rows.map((row) => ({ ...action, rows: [row] }))))
    if (isInTime()) await act(parts, one)
}

function isPublish({ change }: TlsaAction): boolean {
  return change === 'publish'
}

/** The names of the target; none: another server is at it, or was. */
async function takeTurn(store: Store, targetId: string): Promise<readonly string[]> {
  const rollover = await store.rollovers.take(targetId)
  const at = await store.now()
  if (rollover === null || rollover.nextLookAt > at) return []
  await store.rollovers.plan(targetId, at + holdMs)
  return (await store.rollovers.names(targetId)).map(({ name }) => name)
}

async function act({ store, daneDns }: RolloverParts, action: TlsaAction): Promise<void> {
  const { change, endName, ttlMs } = action
  const rows = change === 'publish' ? action.rows : await withoutShared(store, action)
  const records = rows.map(({ spki }) => recordOf(spki))
  try {
    if (change === 'publish')
      await daneDns.publish(endName, [...action.beside, ...records], Math.min(ttlMs, longestTtlMs))
    else if (records.length > 0) await daneDns.remove(endName, records)
  } catch (error) {
    const done = change === 'publish' ? 'published' : 'removed'
    const problem = `${notDone}${done}: ${describeError(asWaxsealError(error))}`
    const [first] = rows
    if (first !== undefined) await store.transaction((inside) => note(inside, first, problem))
    return
  }
  await store.transaction(async (inside) => {
    for (const row of rows) await acted(inside, change, row)
  })
}

/** Those that nobody else has where they are: the last one takes a record away. */
async function withoutShared(store: Store, { rows, endName }: TlsaAction): Promise<readonly TlsaRow[]> {
  const own: TlsaRow[] = []
  for (const row of rows) {
    const others = (await store.rollovers.elsewhere(row, endName)).filter(({ spki }) => spki === row.spki)
    if (others.every(({ state }) => state === 'removing')) own.push(row)
  }
  return own
}

async function note(store: Store, { targetId, name }: TlsaRow, undone: string): Promise<void> {
  await store.rollovers.lock(targetId)
  const there = (await store.rollovers.names(targetId)).find((one) => one.name === name)
  if (there === undefined) return
  const problem = isUnmatched(there.problem) ? unmatchedAnd(undone) : undone
  await store.rollovers.putName({ ...there, problem })
}

async function acted(store: Store, change: TlsaAction['change'], row: TlsaRow): Promise<void> {
  const { targetId, name, spki } = row
  if ((await store.rollovers.lock(targetId)) === null) return
  const there = (await store.rollovers.records(targetId)).find((one) => one.name === name && one.spki === spki)
  if (change === 'publish' && there?.state === 'wanted')
    await store.rollovers.putRecord({ ...there, state: 'publishing' })
  const hadFailed = change === 'remove' && (await endFailedRemoval(store, row))
  // One that a slow server still has is removed again and again; once is told. What failed before was not told.
  const isFirst = change === 'remove' ? hadFailed || row.changedAt === row.actedAt : row.state === 'wanted'
  if (isFirst) await audit(store, 'server', `dane.${change}`, targetId, { name, spki })
}

/** Takes the failure from the problem of its name; false: no removal has failed there. */
async function endFailedRemoval(store: Store, { targetId, name }: TlsaRow): Promise<boolean> {
  const there = (await store.rollovers.names(targetId)).find((one) => one.name === name)
  if (there === undefined || undoneIn(there.problem)?.startsWith(`${notDone}removed`) !== true) return false
  const problem = isUnmatched(there.problem) ? unmatchedAnd(null) : null
  await store.rollovers.putName({ ...there, problem })
  return true
}
