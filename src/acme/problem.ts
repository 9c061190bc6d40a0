import { WaxsealError } from '../error/waxseal-error.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { plainText } from '../text/plain-text.ts'

/** What a CA says of a failure (RFC 7807, RFC 8555 §6.7), made plain. */
export interface Problem {
  /** `rateLimited`, `caa`, …: the CA's word behind `urn:ietf:params:acme:error:`; `unknown`: another type, or none. */
  readonly type: string
  /** On one line, for people. */
  readonly detail: string
  /** What it says of single names, a line each. */
  readonly perName: readonly string[]
}

const text = { type: 'string', maxLength: 65_536 } as const
const properties = { type: text, detail: text, identifier: { type: 'object', properties: { value: text } } } as const
const isProblem = schemaCheck<RawProblem>({
  type: 'object',
  properties: { ...properties, subproblems: { type: 'array', maxItems: 1000, items: { type: 'object', properties } } },
})

interface RawProblem {
  readonly type?: string
  readonly detail?: string
  readonly identifier?: { readonly value?: string }
  readonly subproblems?: readonly RawProblem[]
}

const known = /^urn:ietf:params:acme:error:([A-Za-z]{1,60})$/
const mostNames = 20
const mostDetail = 500

/** Whatever was answered in place of what was wanted. */
export function readProblem(said: unknown): Problem {
  if (!isProblem(said)) return { type: 'unknown', detail: '', perName: [] }
  const perName = (said.subproblems ?? []).slice(0, mostNames).map((one) => {
    const name = one.identifier?.value ?? ''
    return plainText(`${name === '' ? '' : `${name}: `}${typeOf(one)}: ${one.detail ?? ''}`, mostDetail)
  })
  return { type: typeOf(said), detail: plainText(said.detail ?? '', mostDetail), perName }
}

function typeOf({ type = '' }: RawProblem): string {
  return known.exec(type)?.[1] ?? 'unknown'
}

/** ACME_REFUSED, with what the CA says. `retryAfterMs`: what it asks to be waited for, null: nothing. */
export function refusedBy(problem: Problem, status: number | null, retryAfterMs: number | null): WaxsealError {
  return new WaxsealError('ACME_REFUSED', {
    type: problem.type,
    detail: problem.detail,
    ...(problem.perName.length === 0 ? {} : { perName: problem.perName }),
    ...(status === null ? {} : { status }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  })
}

/** ACME_UNREACHABLE: no answer, or none that can be used. */
export function unusable(reason: string, details: Readonly<Record<string, string | number>> = {}): WaxsealError {
  return new WaxsealError('ACME_UNREACHABLE', { reason, ...details })
}
