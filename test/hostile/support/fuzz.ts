import { describeError, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { openRandom, type Random } from './random.ts'

/** A place where bytes come in from outside. */
export interface Boundary {
  readonly name: string
  /** Its part of all inputs, in ten thousandths. */
  readonly share: number
  /** What takes one mutated input each time; `close` frees what that needed. */
  open(): Promise<OpenBoundary>
}

export interface OpenBoundary {
  /** Ends in a value or in a coded error; throws a Violation where something that was promised of the value does not hold. */
  take(random: Random): Promise<unknown>
  close(): Promise<void>
}

/** What came of the inputs at one boundary. */
export interface Figures {
  readonly boundary: string
  readonly seed: number
  readonly inputs: number
  readonly values: number
  readonly refused: number
  /** An input that was answered later than after ten seconds, or not at all. */
  readonly hangs: readonly string[]
  /** Errors that are none of ours, promises that did not hold, rejections that nobody handled. */
  readonly crashes: readonly string[]
  readonly slowestMs: number
  readonly grownMib: number
}

/** A promise about a value does not hold. */
export class Violation extends Error {}

const limitMs = 10_000

/** Gives a boundary this many inputs, each made from the seed and its own number. */
export async function fuzz(boundary: Boundary, inputs: number, seed: number): Promise<Figures> {
  const open = await boundary.open()
  const crashes: string[] = []
  const hangs: string[] = []
  let number = 0
  const onUnhandled = (error: unknown): void => void crashes.push(`${number}: nobody handled ${String(error)}`)
  process.on('unhandledRejection', onUnhandled)
  const before = process.memoryUsage().rss
  let [values, refused, slowestMs] = [0, 0, 0]
  try {
    for (; number < inputs; number += 1) {
      const started = performance.now()
      const end = await endOf(open.take(openRandom(seed + number * 7919)))
      const ms = performance.now() - started
      slowestMs = Math.max(slowestMs, ms)
      if (end === 'value') values += 1
      else if (end === 'refused') refused += 1
      else if (end !== 'hang') crashes.push(`${number}: ${end.crash}`)
      if (end === 'hang' || ms > limitMs) hangs.push(`${number}: ${Math.round(ms)} ms`)
    }
    await open.close()
    await new Promise(setImmediate)
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
  const grownMib = Math.round((process.memoryUsage().rss - before) / 2 ** 20)
  return {
    boundary: boundary.name,
    seed,
    inputs,
    values,
    refused,
    hangs,
    crashes,
    slowestMs: Math.round(slowestMs),
    grownMib,
  }
}

type End = 'value' | 'refused' | 'hang' | { readonly crash: string }

async function endOf(taken: Promise<unknown>): Promise<End> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'hang'>((resolve) => {
    timer = setTimeout(() => resolve('hang'), limitMs)
  })
  const end = taken.then(
    () => 'value' as const,
    (error: unknown) => (isOurs(error) ? 'refused' : { crash: told(error) }),
  )
  return Promise.race([end, late]).finally(() => clearTimeout(timer))
}

/** Coded, or thrown on purpose: a plain Error, or a subclass of ours or of the system. What the language throws is a crash. */
function isOurs(error: unknown): boolean {
  if (error instanceof WaxsealError) return error.code !== 'INTERNAL'
  if (!(error instanceof Error) || error instanceof Violation) return false
  return ![TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError].some(
    (kind) => error instanceof kind,
  )
}

function told(error: unknown): string {
  if (error instanceof WaxsealError)
    return `${describeError(error)} ${String((error.cause as Error | undefined)?.stack)}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
