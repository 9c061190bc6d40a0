import { type Part, parts, type Timing } from './lap.ts'

/** Milliseconds of one thing over all runs; the 95th percentile is the nearest rank. */
export interface Spread {
  readonly medianMs: number
  readonly p95Ms: number
}

/** A part of the whole; its share is that of its sum in the sum of all runs, so that shares add up. */
export interface Share extends Spread {
  readonly name: string
  readonly share: number
}

/** What the bench says of one daemon. Shares are of "available to verified". */
export interface Figures {
  readonly verified: Spread
  /** The daemon's own check once, its reload once, one handshake on each listener: in the same run. */
  readonly bare: Spread
  /** From claimed (the job is here, its certificate is asked for) to verified, by the bare limit beside it; the median of all runs. */
  readonly ratio: number
  readonly reported: Spread
  readonly steps: readonly (Share & { readonly name: Part })[]
  /** The daemon's commands, the probes, and Waxseal itself: together the whole. */
  readonly split: readonly Share[]
  /** The two halves of Waxseal's own time. */
  readonly own: readonly Share[]
  /** The most tries that one probe needed. */
  readonly tries: number
}

/** Sums up the runs on one daemon. */
export function figuresOf(timings: readonly Timing[], bare: readonly number[]): Figures {
  const whole = sum(timings.map(({ verified }) => verified))
  const shareOf = <Name extends string>(
    name: Name,
    msOf: (timing: Timing) => number,
  ): Share & { readonly name: Name } => {
    const values = timings.map(msOf)
    return { name, ...spreadOf(values), share: round(sum(values) / whole, 4) }
  }
  const own = ({ verified, commands, probes }: Timing): number => verified - commands - probes
  const calls = (timing: Timing): number => timing.parts.claim + timing.parts['fetch certificate']
  return {
    verified: spreadOf(timings.map(({ verified }) => verified)),
    bare: spreadOf(bare),
    ratio: spreadOf(
      timings.map(({ verified, parts: { claim } }, index) => (verified - claim) / (bare[index] ?? Number.NaN)),
    ).medianMs,
    reported: spreadOf(timings.map(({ reported }) => reported)),
    steps: parts.map((part) => shareOf(part, (timing) => timing.parts[part])),
    split: [
      shareOf("the daemon's commands", ({ commands }) => commands),
      shareOf('probes', ({ probes }) => probes),
      shareOf("Waxseal's own time", own),
    ],
    own: [
      shareOf('claim and fetch', calls),
      shareOf('the engine, begin to verified', (timing) => own(timing) - calls(timing)),
    ],
    tries: Math.max(...timings.map(({ tries }) => tries)),
  }
}

/** Median and 95th percentile. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? 0
  const { length } = sorted
  const median = (at(Math.floor((length - 1) / 2)) + at(Math.ceil((length - 1) / 2))) / 2
  return { medianMs: round(median, 2), p95Ms: round(at(Math.ceil(length * 0.95) - 1), 2) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
