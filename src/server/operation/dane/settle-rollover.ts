import { behindWith, longMs } from '../../dane/behind.ts'
import {
  isServedKnown,
  type NeededKey,
  neededKeys,
  type RunnableJob,
  runnableJobs,
  type TargetHistory,
} from '../../dane/keys-in-use.ts'
import { isHeld, leavingMs, type NameTurn, type NextRows, nextRows } from '../../dane/next-rows.ts'
import { cachedBy, isUsable, usableAt } from '../../dane/observe.ts'
import { bareBeside, bareProblem, undoneIn, unmatchedAnd, unmatchedProblem } from '../../dane/problems.ts'
import { type TlsaLook, type TlsaRecord, tlsaText } from '../../dane/tlsa.ts'
import type { RolloverNameRow, RolloverPass, TlsaElsewhere, TlsaRow } from '../../store/rollover-rows.ts'
import type { Store } from '../../store/store.ts'
import { newerOnHost } from '../renewal/newer-on-host.ts'
import { keysBeside } from './keys-beside.ts'
import { targetHistory } from './target-history.ts'

/** A pass is good for so long: a claim, and the certificate behind it. */
const passMs = 5 * 60_000
/** How soon it is looked again: while something is to be seen, while a job is out, and else. */
const [soonMs, laterMs, outMs, restMs] = [15_000, 60_000, 120_000, 600_000]

/** Whom the first records of a name wrong, they wrong no longer than that. */
const firstTtlMs = 60_000

/** A look at one name. */
export interface NameLook {
  readonly name: string
  /** When it began. */
  readonly from: number
  readonly look: TlsaLook
}

/** What is to be done about records of one name. */
export interface TlsaAction {
  readonly change: 'publish' | 'remove'
  readonly rows: readonly TlsaRow[]
  /** What is there, and is published with them. */
  readonly beside: readonly TlsaRecord[]
  readonly endName: string
  /** Of the records that are there; of the first ones a minute. */
  readonly ttlMs: number
}

/** Writes down what was seen, and what is to be done about it; who does it comes after. Call it in a transaction. */
export async function settleRollover(
  store: Store,
  targetId: string,
  looks: readonly NameLook[],
): Promise<readonly TlsaAction[]> {
  const rollover = await store.rollovers.lock(targetId)
  const target = await store.targets.byId(targetId)
  if (rollover === null || target === null) return []
  const at = await store.now()
  const history = await targetHistory(store, targetId)
  const needed = neededKeys(history)
  const isKnown = isServedKnown(history)
  const mayRemove = await isHostKnown(store, target.agentId, history)
  const actions: TlsaAction[] = []
  const fresh: { readonly name: string; readonly until: number }[] = []
  const all: TlsaRow[] = []
  const names = await store.rollovers.names(targetId)
  const there = await store.rollovers.records(targetId)
  for (const name of names) {
    const rows = there.filter((row) => row.name === name.name)
    const seen = looks.find((one) => one.name === name.name)
    // Another server was quicker, or the name is new: this look is the past.
    if (seen === undefined || seen.from < (name.lookedAt ?? 0)) return actions
    const { look } = seen
    const others = { ...(await keysElsewhere(store, name, look)), ...(await keysBeside(store, name, look, at)) }
    const turn = { targetId, name, look, at, needed, rows, mayRemove, isServedKnown: isKnown, ...others }
    const next = nextRows(turn)
    for (const row of next.gone) await store.rollovers.removeRecord(row)
    for (const row of next.rows) await store.rollovers.putRecord(row)
    await store.rollovers.putName(nextName(turn, seen, next.rows))
    all.push(...next.rows)
    if (seen.look.problem === null) fresh.push({ name: name.name, until: seen.from + passMs })
    actions.push(...actionsOf(seen.look, next))
  }
  const jobs = runnableJobs(history)
  const passes = passesFor(jobs, names, all, fresh, at)
  await store.rollovers.putPasses(targetId, passes)
  await store.rollovers.plan(targetId, nextLookAt(all, needed, jobs, passes, fresh.length === names.length, at))
  return actions
}

/** After a restore the host is asked first, and may have more than this database. */
async function isHostKnown(store: Store, agentId: string, { versions }: TargetHistory): Promise<boolean> {
  if ((await store.holds.of(agentId)) !== null) return false
  for (const [certificateId, [newest = null]] of versions)
    if ((await newerOnHost(store, certificateId, newest)).seen.length > 0) return false
  return true
}

/** Keys whose record is removed, needed, or may be needed where a name ends, for others than this target and name. */
async function keysElsewhere(
  store: Store,
  name: RolloverNameRow,
  { endName }: TlsaLook,
): Promise<Pick<NameTurn, 'removedElsewhere' | 'neededElsewhere' | 'maybeElsewhere'>> {
  const all = await store.rollovers.elsewhere(name, endName ?? name.endName ?? name.name)
  const keysOf = (rows: typeof all): ReadonlySet<string> => new Set(rows.map(({ spki }) => spki))
  const isNeeded = ({ state }: TlsaElsewhere): boolean => state !== 'removing' && state !== 'leaving'
  return {
    removedElsewhere: keysOf(all.filter(({ isThere, state }) => isThere && state === 'removing')),
    neededElsewhere: keysOf(all.filter((one) => one.isThere && isNeeded(one))),
    maybeElsewhere: keysOf(all.filter((one) => !one.isThere && isNeeded(one))),
  }
}

function nextName(turn: NameTurn, { look, from }: NameLook, rows: readonly TlsaRow[]): RolloverNameRow {
  const { name, at } = turn
  const hasFound = look.answers.length > 0
  const seen = [...new Set(look.answers.flatMap(({ records }) => records.map(tlsaText)))].toSorted()
  return {
    ...name,
    endName: look.endName ?? name.endName,
    lookedAt: hasFound ? from : name.lookedAt,
    ...cachedBy({ look, before: name, at }),
    seen: hasFound ? seen : name.seen,
    // Which zone it is in is not known where its servers cannot be found.
    isByHand: look.endName === null ? name.isByHand : look.isByHand,
    problem: problemWith(problemOf(turn, rows), problemOfActions(name, rows)),
  }
}

function problemWith(seen: string | null, undone: string | null): string | null {
  return seen === unmatchedProblem ? unmatchedAnd(undone) : (seen ?? undone)
}

/** A key that is served and matches nothing outweighs all else: mail is refused now. */
function problemOf(turn: NameTurn, rows: readonly TlsaRow[]): string | null {
  const { look, needed } = turn
  const isServed = (row: TlsaRow): boolean => needed.some(({ spki, why }) => spki === row.spki && why === 'served')
  const isUnmatched = rows.some((row) => isServed(row) && row.seenAt === null && row.lackingMs > 0)
  const hasOthers = look.answers.some(({ records }) => records.length > 0)
  if (isUnmatched && hasOthers) return unmatchedProblem
  if (look.answers.length > 0 && needed.length > 0 && isHeld(turn))
    return turn.isServedKnown ? bareBeside(turn.unknownBeside) : bareProblem
  return look.problem ?? behindWith(turn, rows)
}

/** It is tried again once a minute, and told in between. */
function problemOfActions({ problem }: RolloverNameRow, rows: readonly TlsaRow[]): string | null {
  const isTried = rows.some(({ state, actedAt }) => (state === 'wanted' || state === 'removing') && actedAt !== null)
  return isTried ? undoneIn(problem) : null
}

function actionsOf({ endName, answers }: TlsaLook, { publish, beside, remove }: NextRows): readonly TlsaAction[] {
  if (endName === null) return []
  const withRecords = answers.filter(({ records }) => records.length > 0).map(({ ttlMs }) => ttlMs)
  const ttlMs = withRecords.length === 0 ? firstTtlMs : Math.min(...withRecords)
  const actions: readonly TlsaAction[] = [
    { change: 'publish', rows: publish, beside, endName, ttlMs },
    { change: 'remove', rows: remove, beside: [], endName, ttlMs },
  ]
  return actions.filter(({ rows }) => rows.length > 0)
}

function passesFor(
  jobs: readonly RunnableJob[],
  names: readonly RolloverNameRow[],
  rows: readonly TlsaRow[],
  fresh: readonly { readonly name: string; readonly until: number }[],
  at: number,
): readonly RolloverPass[] {
  const until = Math.min(...fresh.map((one) => one.until))
  if (names.length === 0 || names.some(({ name }) => !fresh.some((one) => one.name === name))) return []
  return jobs
    .filter(({ version: { spki } }) =>
      names.every(({ name }) => rows.some((row) => row.name === name && row.spki === spki && isUsable(row, at))),
    )
    .map(({ job, version }) => ({ jobId: job.id, versionNumber: version.number, until }))
}

function nextLookAt(
  rows: readonly TlsaRow[],
  needed: readonly NeededKey[],
  jobs: readonly RunnableJob[],
  passes: readonly RolloverPass[],
  hasSeenAll: boolean,
  at: number,
): number {
  const times = rows.map((row) => {
    if (row.state === 'leaving') return row.changedAt + leavingMs > at ? row.changedAt + leavingMs : at + laterMs
    if (row.state === 'removing') return at + laterMs
    if (!needed.some(({ spki }) => spki === row.spki)) return at + restMs
    const from = usableAt(row)
    if (from === null) return at + (at - row.changedAt < longMs ? soonMs : laterMs)
    return from > at ? from : at + restMs
  })
  const forJobs = jobs.length === 0 ? restMs : hasSeenAll ? outMs : laterMs
  const next = Math.min(at + (passes.length === 0 && hasSeenAll ? restMs : forJobs), ...times)
  return Math.max(next, at + 1000)
}
