import type { RolloverParts } from '../../src/server/operation/dane/advance-rollovers.ts'
import { RolloverTurns } from '../../src/server/operation/dane/rollover-turns.ts'

/** Looks at the targets that are due, and waits until that is done. */
export async function advanceRollovers(parts: RolloverParts): Promise<void> {
  const turns = new RolloverTurns(parts)
  await turns.begin()
  await turns.end()
}
