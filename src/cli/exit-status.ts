import type { ErrorCode } from '../error/catalogue.ts'
import type { WaxsealError } from '../error/waxseal-error.ts'
import type { Outcome } from '../outcome/outcome.ts'

const byOutcome = { deployed: 0, unchanged: 0, refused: 3, 'rolled-back': 4, 'rollback-failed': 5 } as const

/** What whoever asked has to mend: the command line, the configuration, or the target. */
const usage: readonly ErrorCode[] = [
  'USAGE_INVALID',
  'NEEDS_ROOT',
  'CONFIG_INVALID',
  'CONNECTOR_UNKNOWN',
  'TARGET_INVALID',
  'TARGET_REDACTED',
  'TARGET_UNKNOWN',
  'GENERATION_UNKNOWN',
]

/** Exit status of a deployment (docs/design/deployment.md). */
export function exitStatusOf({ outcome, code }: Pick<Outcome, 'outcome' | 'code'>): number {
  return outcome === 'refused' && code !== null && usage.includes(code) ? 2 : byOutcome[outcome]
}

/** Exit status of an error before a deployment began: a connector from outside that cannot be loaded is one of the configuration; a rollback that may not be done yet is refused, as its deployment would be. */
export function exitStatusOfError({ code }: Pick<WaxsealError, 'code'>): number {
  if (code === 'DANE_WAITING') return byOutcome.refused
  return usage.includes(code) || code === 'CONNECTOR_INVALID' ? 2 : 1
}
