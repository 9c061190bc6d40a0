import type { CaProblem } from './acme-ca.ts'

/** What is answered, before the nonce. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: object | string
}

const json = { 'content-type': 'application/json' } as const

export function ok(body: object | string): Answered {
  return { status: 200, headers: json, body }
}

/** With its Location. */
export function addressed(body: object, location: string): Answered {
  return { status: 200, headers: { ...json, location }, body }
}

/** Of something new. */
export function created(body: object, location: string): Answered {
  return { status: 201, headers: { ...json, location }, body }
}

/** A problem document (RFC 7807). */
export function problem({ type, detail, status = 400, retryAfterS }: CaProblem): Answered {
  const headers = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: { type: `urn:ietf:params:acme:error:${type}`, detail, status },
  }
}
