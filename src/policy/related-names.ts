import { coversName } from '../dns/covers-name.ts'

/** Whether two certificates have a name in common: the same, or one that the other's wildcard covers. */
export function shareName(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.some((other) => coversName(one, other) || coversName(other, one)))
}
