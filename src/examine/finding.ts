/** One thing that was looked at. */
export interface Finding {
  /** `state directory`, `wiring of postfix`, `target mx1-postfix`. */
  readonly what: string
  readonly verdict: 'ok' | 'warning' | 'failed'
  /** What is, and, where it is not well, what to do about it. */
  readonly detail: string
}
