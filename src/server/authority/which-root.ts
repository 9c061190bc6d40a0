/** When a CA begins and ends, in milliseconds since 1970. */
export interface Life {
  readonly notBefore: number
  readonly notAfter: number
}

/**
 * Whether the CA that comes after `newest` is to be made: from the half of its life on. With the ten years of ours that is five
 * years before its end: agents that do not call for two and a half years still get it in time.
 */
export function isNextDue({ notBefore, notAfter }: Life, at: number): boolean {
  return at >= (notBefore + notAfter) / 2
}

/**
 * From when on a CA signs in place of the one before: from the middle between its own beginning and the end of the other. So long agents
 * have to get it, however late it was made, and so long is what the one before has signed still good.
 */
export function signsFrom(before: Life, next: Life): number {
  return (next.notBefore + before.notAfter) / 2
}

/** Which of these CAs signs, oldest first. */
export function signingAt<Root extends Life>(roots: readonly Root[], at: number): Root | undefined {
  const [first, ...others] = roots
  if (first === undefined) return undefined
  return others.reduce((before, next) => (at >= signsFrom(before, next) ? next : before), first)
}
