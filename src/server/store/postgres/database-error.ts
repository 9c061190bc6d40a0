import { WaxsealError } from '../../../error/waxseal-error.ts'

/** Classes and codes of PostgreSQL (appendix A of its manual), and of sockets, that say: not now. 25006: a standby, which may become a primary. */
const unreachable = /^(08...|57P0[1-4]|53...|55P03|57014|25006|25P03|E[A-Z]+)$/
/** serialization_failure and deadlock_detected: PostgreSQL has undone the transaction. */
const conflict = /^(40001|40P01)$/
/** Errors of the driver have no code. */
const lost =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/

/** Whether the database could not be asked. */
export function isUnreachable(error: unknown): boolean {
  return unreachable.test(codeOf(error)) || (error instanceof Error && lost.test(error.message))
}

/** Whether two transactions were in each other's way. */
export function isConflict(error: unknown): boolean {
  return conflict.test(codeOf(error))
}

/** As DATABASE_UNREACHABLE where another try may help. */
export function asDatabaseError(error: unknown): unknown {
  if (!isUnreachable(error)) return error
  const reason = error instanceof Error && error.message !== '' ? error.message : codeOf(error)
  return new WaxsealError('DATABASE_UNREACHABLE', { reason: reason.slice(0, 500) }, { cause: error })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
