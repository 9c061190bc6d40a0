import type { Condition } from '../../../notice/matter.ts'
import { mostOfKind } from '../../../notice/matter-life.ts'
import { isUnmatched, unmatchedProblem } from '../../dane/problems.ts'
import type { LateForRecords, RecordsPatience, TroubledName } from '../../store/matter-store.ts'
import type { TlsaRow } from '../../store/rollover-rows.ts'
import type { Store } from '../../store/store.ts'
import { byHandAt } from '../dane/by-hand-at.ts'

/** An hour beyond what TTLs explain; and two days, which is longer than any usual TTL. */
const patience: RecordsPatience = { beyondTtlsMs: 3_600_000, atAllMs: 2 * 86_400_000 }
/** Lines of records in one message; mail cuts a text at 600 characters. */
const mostLines = 3

/** What is the matter with the TLSA records of targets: one matter for each target, the worst. */
export interface DaneConditions {
  readonly list: readonly Condition[]
  /** There may be more. */
  readonly isFull: boolean
}

/** A name with the lines that a person has to publish for it. */
interface Trouble extends TroubledName {
  readonly publish: readonly string[]
}

/** Mail that is refused now, records that wait for a person, deployments that wait for longer than TTLs explain, and what lasts. */
export async function readDaneConditions(store: Store, at: number): Promise<DaneConditions> {
  const names = await store.conditions.troubledNames(unmatchedProblem, mostOfKind)
  const late = await store.conditions.lateForRecords(at, patience, mostOfKind)
  const rows: TlsaRow[] = []
  for (const targetId of new Set(names.flatMap((name) => (name.isByHand ? [name.targetId] : []))))
    rows.push(...(await store.rollovers.records(targetId)))
  const troubles: Trouble[] = []
  for (const name of names) {
    const own = rows.filter((row) => row.targetId === name.targetId && row.name === name.name)
    troubles.push({ ...name, publish: (await byHandAt(store, name, own)).publish })
  }
  const targets = new Set([...troubles, ...late].map(({ targetId }) => targetId))
  const list = [...targets].flatMap((id) => {
    const ofTarget = ({ targetId }: { readonly targetId: string }): boolean => targetId === id
    return conditionOf(troubles.filter(ofTarget), late.find(ofTarget)) ?? []
  })
  return {
    list: list.slice(0, mostOfKind),
    isFull: [names, late].some(({ length }) => length === mostOfKind) || list.length > mostOfKind,
  }
}

function conditionOf(troubles: readonly Trouble[], late: LateForRecords | undefined): Condition | null {
  const [about = late] = troubles
  if (about === undefined) return null
  const { targetId: subject, agentName: agent, targetName: target } = about
  const told = wordsOf(troubles, late, target)
  return told === null ? null : { kind: 'dane', subject, agent, target, certificate: late?.commonName ?? null, ...told }
}

function wordsOf(
  troubles: readonly Trouble[],
  late: LateForRecords | undefined,
  target: string,
): Pick<Condition, 'code' | 'text'> | null {
  const command = `waxseal control-plane dane ${target}`
  const publish = linesOf(troubles.flatMap((one) => one.publish))
  const unmatched = troubles.find(({ problem }) => isUnmatched(problem))
  if (unmatched !== undefined) {
    const next =
      publish === '' ? `See which records are there, and who publishes: ${command}` : `Publish now: ${publish}`
    return { code: 'DANE_UNMATCHED', text: `${unmatched.name}: ${unmatched.problem}. ${next}` }
  }
  if (publish !== '') {
    const text = `Publish for ${target}, beside the records that are there; a deployment with the key of a new record waits until then: ${publish}`
    return { code: 'DANE_PUBLISH', text }
  }
  const problem = troubles.flatMap((one) => (one.problem === null ? [] : [`${one.name}: ${one.problem}`]))[0]
  if (late !== undefined) {
    const since = new Date(late.createdAt).toISOString()
    const why =
      problem ?? 'a server of the zone does not have the record yet, or the resolver on loopback does not say so'
    const what = late.type === 'TakeBack' ? 'rollback' : 'deployment'
    const text = `The ${what} of ${late.commonName} to ${target} waits for TLSA records since ${since}, longer than their TTLs explain. ${why}. See what is there: ${command}`
    return { code: 'DANE_WAITS', text }
  }
  if (problem === undefined) return null
  const text = `The next deployment to ${target} will wait for TLSA records until this is mended. ${problem}. See what is there: ${command}`
  return { code: 'DANE_PROBLEM', text }
}

function linesOf(lines: readonly string[]): string {
  const more = lines.length <= mostLines ? '' : `; and ${lines.length - mostLines} more`
  return `${lines.slice(0, mostLines).join('; ')}${more}`
}
