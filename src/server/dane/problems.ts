// Rows keep these sentences, and they are told apart by them: one that is reworded is not known in a row until its next look.

/** A key that may be served has no record: mail is refused now. */
export const unmatchedProblem =
  'no record of a server matches a key that may be served: senders that check DANE refuse it'

/** There is no record, and nobody knows which key is served. */
export const bareProblem =
  'nothing is published: there is no TLSA record, and the key that is served is not known here until a deployment to this target was proven. Turn roll-over off until then (waxseal control-plane dane TARGET --off), or publish the record of the key that its host serves now'

const besideProblem =
  'nothing is published: there is no TLSA record, and with the first one senders would refuse what other targets may serve at this name. Their keys are not known here: '

/** There is no record, and nobody knows which keys these targets serve. */
export function bareBeside(targets: readonly string[]): string {
  return `${besideProblem}${targets.join(', ')}. Turn roll-over on for each with this name (waxseal control-plane dane TARGET --rollover --record NAME) when a deployment to it was proven, or publish the records of all keys that are served at this name now`
}

/** Nothing is published, and nobody is to publish the new records alone. */
export function isHeldBack(problem: string | null): boolean {
  return problem === bareProblem || problem?.startsWith(besideProblem) === true
}

/** How the problem of a change begins that was not made. */
export const notDone = 'it could not be '

/** With what could not be done about it: both are to be known. */
export function unmatchedAnd(undone: string | null): string {
  return undone === null ? unmatchedProblem : `${unmatchedProblem}; ${undone}`
}

/** What of a problem says that something could not be done; null: nothing does. */
export function undoneIn(problem: string | null): string | null {
  const undone = problem?.startsWith(unmatchedAnd('')) === true ? problem.slice(unmatchedAnd('').length) : problem
  return undone?.startsWith(notDone) === true ? undone : null
}

/** Whether it is, or has with it, that a key that may be served has no record. */
export function isUnmatched(problem: string | null): boolean {
  return problem?.startsWith(unmatchedProblem) === true
}
