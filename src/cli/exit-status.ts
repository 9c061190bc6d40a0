import type { WaxsealError } from '../error/waxseal-error.ts'
import type { Outcome } from '../outcome/outcome.ts'

const byOutcome = { deployed: 0, unchanged: 0, refused: 3, 'rolled-back': 4, 'rollback-failed': 5 } as const

/** Exit status of a deployment (design §9). */
export function exitStatusOf({ outcome }: Pick<Outcome, 'outcome'>): number {
  return byOutcome[outcome]
}

/** Exit status of an error before a deployment began. */
export function exitStatusOfError({ code }: Pick<WaxsealError, 'code'>): number {
  return code === 'CONFIG_INVALID' || code === 'CONNECTOR_INVALID' ? 2 : 1
}
