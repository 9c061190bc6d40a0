import { catalogue, type ErrorCode, type HostState } from './catalogue.ts'

/** Facts about one error: names, paths, digests, bounded output. Never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** The one error class. Match on `code`; `message` is constant per code; values are in `details`. */
export class WaxsealError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options: { readonly cause?: unknown } = {}) {
    super(catalogue[code].message, options)
    this.name = 'WaxsealError'
    this.code = code
    this.details = details
  }

  /** Whether the same request may succeed later. */
  get retry(): 'never' | 'backoff' {
    return catalogue[this.code].retry
  }

  /** What is now true of the host (law 6). */
  get host(): HostState {
    return catalogue[this.code].host
  }
}

/** `error` as it is when it is coded, else wrapped as INTERNAL. */
export function asWaxsealError(error: unknown): WaxsealError {
  if (error instanceof WaxsealError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new WaxsealError('INTERNAL', { reason: reason.slice(0, 500) }, { cause: error })
}

/** One line for a person: sentence, then the details in brackets. Without what a command printed: that stays on the host (law 5). */
export function describeError(error: WaxsealError): string {
  const given = Object.entries(error.details).filter(([name, value]) => name !== 'output' && String(value) !== '')
  const details = given.map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : String(value)}`)
  return details.length === 0 ? error.message : `${error.message} (${details.join('; ')})`
}

/** The last lines that the command printed which an error is about; for this host's own people alone. */
export function printedBy({ details: { output } }: WaxsealError): readonly string[] {
  if (typeof output !== 'string') return []
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(-20)
}
