import type { JobRow } from '../store/rows.ts'

/** What a job came to, for a roll-out. */
export interface Verdict {
  /** `unproven`: it is Completed, and its proof may still come; `recalled`: it ended before it began, as it was asked to. */
  readonly word: 'open' | 'unproven' | 'proven' | 'failed' | 'recalled'
  /** Why it failed. */
  readonly error: string | null
}

type Judged = Pick<JobRow, 'status' | 'error' | 'outcome' | 'verification' | 'cancelRequestedAt'>

/**
 * By the agent's report alone. A listener that showed another certificate outweighs all else that was said. A job is proven where the
 * outcome says so, or, for agents without one, a verification (protocol §1).
 */
export function judge({ status, error, outcome, verification, cancelRequestedAt }: Judged): Verdict {
  if (status === 'Failed') return { word: 'failed', error: error ?? 'its agent said no more' }
  if (status === 'Cancelled') {
    const isAsked = cancelRequestedAt !== null
    return isAsked ? { word: 'recalled', error: null } : { word: 'failed', error: error ?? 'its agent cancelled it' }
  }
  if (status !== 'Completed') return { word: 'open', error: null }
  const seen = seenIn(verification)
  const told = provenIn(outcome)
  if (seen === false) return { word: 'failed', error: `unproven: ${errorIn(verification)}` }
  if (told === false) return { word: 'failed', error: 'unproven: the new pair is in place, and no listener showed it' }
  return { word: told === true || seen === true ? 'proven' : 'unproven', error: null }
}

/** The target may not be as it was before: the job was taken, and nothing says that its host put all back. */
export function mayHaveChanged({ status, attempt, outcome }: Pick<JobRow, 'status' | 'attempt' | 'outcome'>): boolean {
  if (attempt === 0 || status === 'Cancelled') return false
  return !['unchanged', 'refused', 'rolled-back'].includes(String(fieldOf(outcome, 'outcome')))
}

/** Null: it says nothing of that. */
function provenIn(outcome: object | null): boolean | null {
  const proven = fieldOf(outcome, 'proven')
  return typeof proven === 'boolean' ? proven : null
}

/** Whether the certificate that was expected was seen; null: nobody looked. */
function seenIn(verification: object | null): boolean | null {
  const verified = fieldOf(verification, 'verified')
  if (typeof verified !== 'boolean') return null
  const [expected, actual] = ['expected_fingerprint', 'actual_fingerprint'].map((name) =>
    String(fieldOf(verification, name)).toLowerCase(),
  )
  return verified && expected === actual
}

function errorIn(verification: object | null): string {
  const error = fieldOf(verification, 'error')
  return typeof error === 'string' && error !== '' ? error : 'a listener showed another certificate'
}

function fieldOf(document: object | null, name: string): unknown {
  return document === null ? undefined : (document as Readonly<Record<string, unknown>>)[name]
}
