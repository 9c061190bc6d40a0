import type { HostFacts } from '../control-plane/host-facts.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import type { Deliveries } from './deliveries.ts'
import type { Member } from './member.ts'
import type { Reporter } from './reporter.ts'

/** What telling it needs. */
export interface TellingParts {
  readonly facts: HostFacts
  readonly controlPlane: Pick<ControlPlane, 'heartbeat'>
  readonly member: Pick<Member, 'host'>
  readonly deliveries: Pick<Deliveries, 'hasten'>
  readonly reporter: Pick<Reporter, 'flush'>
}

/**
 * What this host has renewed by itself is told before the next poll, so that the control plane plans no renewal of its own. It says with a
 * heartbeat's answer whether it takes that.
 */
export async function tellRenewed(parts: TellingParts): Promise<void> {
  const { facts, controlPlane, member, deliveries, reporter } = parts
  if (!deliveries.hasten('renewed')) return
  await controlPlane.heartbeat(facts, member.host)
  await reporter.flush()
}
