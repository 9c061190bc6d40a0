import { deployTogether } from '../../../src/deployer/deploy.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'

/** One deployment of one target. */
export interface Input {
  readonly target: string
  readonly config: object
  readonly certificatePem: string
  readonly chainPem: string
  readonly keyPem: string
}

/** Deploys all of them together, as the agent does. Returns their outcomes as they came. */
export async function deployInputs(inputs: readonly Input[], engine: Engine): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const orders = inputs.map(({ keyPem, ...input }) => ({
    request: { ...input, connector: 'opensmtpd', findKey: async () => keyPem },
    onStep: () => {},
    onOutcome: async (outcome: Outcome) => void outcomes.push(outcome),
  }))
  await deployTogether(orders, engine)
  return outcomes
}
