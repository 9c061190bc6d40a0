import { catalogue, type ErrorCode } from './catalogue.ts'
import { type ErrorDetails, WaxsealError } from './waxseal-error.ts'

/** An error as one half of Waxseal tells it to the other. */
interface Told {
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
}

const longest = 2048
const mostListed = 100

/** The error, for the other half: what commands printed stays here. */
export function tellError({ code, details }: WaxsealError): {
  readonly code: ErrorCode
  readonly details: ErrorDetails
} {
  return { code, details: Object.fromEntries(Object.entries(details).filter(([name]) => name !== 'output')) }
}

/** The error that was told, its details cut to what an error may carry; a code that is not known here is `otherwise`. */
export function errorTold({ code, details }: Told, otherwise: ErrorCode): WaxsealError {
  const known = Object.hasOwn(catalogue, code) ? (code as ErrorCode) : otherwise
  const plain = Object.entries(details).flatMap(([name, value]) => {
    const detail = detailOf(value)
    return detail === undefined ? [] : [[name.slice(0, 60), detail] as const]
  })
  return new WaxsealError(known, Object.fromEntries(plain.slice(0, 50)))
}

function detailOf(value: unknown): ErrorDetails[string] | undefined {
  if (typeof value === 'string') return value.slice(0, longest)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (!Array.isArray(value)) return undefined
  return value
    .filter((item) => typeof item === 'string')
    .slice(0, mostListed)
    .map((item) => item.slice(0, longest))
}
