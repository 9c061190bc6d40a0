import { killEverywhere } from './support/kill-everywhere.ts'
import { scenarios } from './support/scenario.ts'

// Beside kill.test.ts: one process was the whole suite's longest wait.
await killEverywhere(
  scenarios.filter(({ interruptedAt }) => interruptedAt !== null),
  'kill-recovery',
)
