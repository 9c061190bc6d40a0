import type { Outcome, Stage } from '../../src/outcome/outcome.ts'

/** What was seen of one turn of the agent; moments in milliseconds of the bench's clock. */
export interface Lap {
  /** The job was available, and the agent began to poll. */
  readonly began: number
  /** The last request for a certificate was answered. */
  requestAnswered: number
  /** The first certificate was asked for. */
  certificateAsked: number
  certificateHere: number
  /** When each step ended. */
  readonly ends: Map<Stage, number>
  /** When the last report was acknowledged. */
  reported: number
  outcome: Outcome | null
}

/** The parts of a deployment up to the moment when the new leaf was verified, in their order. */
const partsToVerified = [
  'claim',
  'fetch certificate',
  'begin',
  'material',
  'plan',
  'policy',
  'unchanged',
  'preflight',
  'journal',
  'stage',
  'commit',
  'check',
  'activate',
  'verify',
  'between steps',
] as const

/** All parts that are timed. */
export const parts = [...partsToVerified, 'settle', 'report'] as const
export type Part = (typeof parts)[number]

/** Where the time of one deployment went, in milliseconds. */
export interface Timing {
  /** From "job available" to "verified on the socket". */
  readonly verified: number
  /** From "job available" to "the control plane has the result". */
  readonly reported: number
  readonly parts: Readonly<Record<Part, number>>
  /** The daemon's commands. */
  readonly commands: number
  /** The looks at the sockets, before and after, with the waits between two tries. */
  readonly probes: number
  /** The most tries that one probe needed. */
  readonly tries: number
}

/** Splits a lap into its parts. Throws when it is not that of a deployment that went well. */
export function timingOf(lap: Lap): Timing {
  const { outcome, began, ends } = lap
  if (outcome?.outcome !== 'deployed') throw new Error(`a deployment failed: ${outcome?.message ?? 'no outcome'}`)
  const msOf = (name: Stage): number => outcome.steps.find((step) => step.name === name)?.ms ?? 0
  const commandsOf = (name: Stage): number =>
    outcome.steps
      .filter((step) => step.name === name)
      .flatMap((step) => step.commands)
      .reduce((sum, { ms }) => sum + ms, 0)
  const verifiedAt = endOf(ends, 'verify')
  const settledAt = endOf(ends, 'settle')
  const timed = {
    claim: lap.certificateAsked - began,
    'fetch certificate': lap.certificateHere - lap.certificateAsked,
    begin: endOf(ends, 'material') - msOf('material') - lap.certificateHere,
    material: msOf('material'),
    plan: msOf('plan'),
    policy: msOf('policy'),
    unchanged: msOf('unchanged'),
    preflight: msOf('preflight'),
    journal: msOf('journal'),
    stage: msOf('stage'),
    commit: msOf('commit'),
    check: msOf('check'),
    activate: msOf('activate'),
    verify: msOf('verify'),
  }
  const verified = verifiedAt - began
  return {
    verified,
    reported: lap.reported - began,
    parts: {
      ...timed,
      'between steps': verified - Object.values(timed).reduce((sum, ms) => sum + ms, 0),
      settle: msOf('settle'),
      report: lap.reported - settledAt,
    },
    commands: commandsOf('preflight') + commandsOf('check') + commandsOf('activate'),
    // Beside its command, preflight does nothing but look at what is served and parse the old certificate.
    probes: msOf('preflight') - commandsOf('preflight') + Math.max(0, ...outcome.probes.map(({ ms }) => ms)),
    tries: Math.max(0, ...outcome.probes.map(({ attempts }) => attempts)),
  }
}

function endOf(ends: ReadonlyMap<Stage, number>, name: Stage): number {
  const end = ends.get(name)
  if (end === undefined) throw new Error(`the step ${name} was not seen`)
  return end
}
