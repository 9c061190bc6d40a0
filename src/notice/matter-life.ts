import { type Condition, cutShort, type Matter, type MatterKind, matterId } from './matter.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** What comes and goes is one matter: it is over when it was not seen for so long. */
const overAfterMs = 5 * minuteMs
/** What is still so is told again after so long. */
const remindAfterMs = dayMs
/** Of what one target, certificate or agent has, of one kind, in a day, whatever the codes are: it came, it went, and both again. */
const mostTellings = 6
/** What is over is forgotten after so long: until then it keeps its count of tellings. */
const forgetAfterMs = 7 * dayMs
/** Of one kind; those beyond are one matter, that there are many. */
export const mostOfKind = 300
/** Those that are over. */
const mostOver = 1000

/** What mends itself within so long is told to nobody. */
const patienceMs: Partial<Record<MatterKind, number>> = {
  issuer: 10 * minuteMs,
  renewal: 10 * minuteMs,
  'control-plane': 15 * minuteMs,
  deployer: 15 * minuteMs,
}
/** The same of one code: a resolver that is away for a moment holds up nothing, and so does a server of a zone. */
const patienceOfCodeMs: Readonly<Record<string, number>> = { DANE_WAITS: 10 * minuteMs, DANE_PROBLEM: 60 * minuteMs }

/** What is seen now. */
export interface Sight {
  readonly now: number
  readonly conditions: readonly Condition[]
  /** Kinds of which not all could be looked at: what is missing among them is not over. */
  readonly incomplete: ReadonlySet<MatterKind>
}

/** What is to be told now. */
export interface Told {
  readonly opened: readonly Matter[]
  /** Told before, a day ago or more. */
  readonly still: readonly Matter[]
  readonly over: readonly Matter[]
}

/** The matters as they are after a look. */
export function lookAt(before: readonly Matter[], { now, conditions, incomplete }: Sight): readonly Matter[] {
  const seen = new Map(conditions.map(cutShort).map((condition) => [matterId(condition), condition]))
  const known = new Set(before.map(({ id }) => id))
  const abouts = new Set([...seen.values()].map(aboutOf))
  const kept = before.flatMap((matter) => {
    const condition = seen.get(matter.id)
    if (condition !== undefined) return [seenAgain(matter, condition, now)]
    // The clock may have been ahead.
    const unseen = { ...matter, seenAt: Math.min(matter.seenAt, now) }
    const isGone = matter.overAt === null && !incomplete.has(matter.kind) && now - unseen.seenAt >= overAfterMs
    // What has another code now is not over: that is told as what it is now.
    const toldAs = isGone && abouts.has(aboutOf(matter)) && matter.toldAs !== null ? 'over' : matter.toldAs
    const left = isGone ? { ...unseen, overAt: now, toldAs } : unseen
    return isForgotten(left, now) ? [] : [left]
  })
  const fresh = [...seen].filter(([id]) => !known.has(id)).map(([id, condition]) => opened(id, condition, now))
  return withinBounds([...kept, ...fresh])
}

/** The oldest of each kind, and the newest of those that are over. */
function withinBounds(matters: readonly Matter[]): readonly Matter[] {
  const open = matters.filter(({ overAt }) => overAt === null)
  const over = matters.filter(({ overAt }) => overAt !== null)
  const ofKinds = Object.values(Object.groupBy(open, ({ kind }) => kind))
  return [
    ...ofKinds.flatMap((list) => list.slice(0, mostOfKind + 1)),
    ...over.toSorted((one, other) => (other.overAt ?? 0) - (one.overAt ?? 0)).slice(0, mostOver),
  ]
}

function opened(id: string, condition: Condition, now: number): Matter {
  const never = { overAt: null, toldAt: null, toldAs: null, tellings: 0, countedFrom: now }
  return { ...condition, id, openedAt: now, seenAt: now, ...never }
}

function seenAgain(matter: Matter, condition: Condition, now: number): Matter {
  const openedAt = matter.overAt === null ? matter.openedAt : now
  return { ...matter, ...condition, openedAt, seenAt: now, overAt: null }
}

function isForgotten({ overAt, toldAs }: Matter, now: number): boolean {
  if (overAt === null) return false
  // Nobody heard of it.
  return toldAs === null || now - overAt >= forgetAfterMs
}

/** What is to be told of them at this time. What is muted is not, nor is it told when it is over. */
export function toTell(matters: readonly Matter[], now: number, isMuted: (matter: Matter) => boolean): Told {
  const counts = countTellings(matters, now)
  const speaking = matters.filter((matter) => (counts.get(aboutOf(matter)) ?? 0) < mostTellings && !isMuted(matter))
  return {
    opened: speaking.filter(
      ({ overAt, toldAs, openedAt, seenAt, kind, code }) =>
        overAt === null && toldAs !== 'open' && seenAt - openedAt >= (patienceOfCodeMs[code] ?? patienceMs[kind] ?? 0),
    ),
    still: speaking.filter(
      ({ overAt, toldAs, toldAt }) => overAt === null && toldAs === 'open' && now - (toldAt ?? 0) >= remindAfterMs,
    ),
    over: speaking.filter(({ overAt, toldAs }) => overAt !== null && toldAs === 'open'),
  }
}

function aboutOf({ kind, agent, subject }: Condition): string {
  return JSON.stringify([kind, agent, subject])
}

/** Of this day, for each thing that something is the matter with. */
function countTellings(matters: readonly Matter[], now: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const matter of matters) {
    const about = aboutOf(matter)
    const count = now - matter.countedFrom < dayMs ? matter.tellings : 0
    counts.set(about, (counts.get(about) ?? 0) + count)
  }
  return counts
}

/** The matters when these were told. */
export function whenTold(
  matters: readonly Matter[],
  { opened: fresh, still, over }: Told,
  now: number,
): readonly Matter[] {
  const ids = new Set([...fresh, ...still, ...over].map(({ id }) => id))
  return matters.map((matter) => {
    if (!ids.has(matter.id)) return matter
    const isNewDay = now - matter.countedFrom >= dayMs
    return {
      ...matter,
      toldAt: now,
      toldAs: matter.overAt === null ? 'open' : 'over',
      tellings: isNewDay ? 1 : matter.tellings + 1,
      countedFrom: isNewDay ? now : matter.countedFrom,
    }
  })
}
