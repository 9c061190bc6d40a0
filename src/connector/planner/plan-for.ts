import type { Material } from '../../material/material.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import type { HostView } from '../host-view.ts'
import { checkTarget } from './check-target.ts'

/** Parses the target by the connector's schema, and has it planned. TARGET_REDACTED or TARGET_INVALID names the field. */
export async function planFor(
  connector: Connector,
  config: unknown,
  material: Material,
  host: HostView,
  signal: AbortSignal,
): Promise<Plan> {
  checkTarget(connector, config)
  return connector.plan(config, material, host, signal)
}
