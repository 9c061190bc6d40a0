import { killEverywhere } from './support/kill-everywhere.ts'
import { scenarios } from './support/scenario.ts'

await killEverywhere(
  scenarios.filter(({ interruptedAt }) => interruptedAt === null),
  'kill',
)
