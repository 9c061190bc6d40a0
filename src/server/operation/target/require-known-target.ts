import { describeError, WaxsealError } from '../../../error/waxseal-error.ts'
import { Refusal } from '../refusal.ts'

/**
 * Refuses a type that no connector of this version goes by, and fields that its connector does not know (invalid), with the nearest
 * one: a typo is found here, and not by a job that fails. The connectors are loaded when a target is added.
 */
export async function requireKnownTarget(type: string, config: object): Promise<void> {
  const [{ builtInConnectors }, { checkTarget }, { createRegistry }] = await Promise.all([
    import('../../../connector/registry/built-in.ts'),
    import('../../../connector/planner/check-target.ts'),
    import('../../../connector/registry/registry.ts'),
  ])
  try {
    checkTarget(createRegistry(builtInConnectors).find(type), config)
  } catch (error) {
    if (!(error instanceof WaxsealError)) throw error
    const way = 'add-target --unchecked takes it as it is, for a connector or a field that its host alone knows'
    throw new Refusal('invalid', `${error.code}: ${describeError(error)}; ${way}`)
  }
}
