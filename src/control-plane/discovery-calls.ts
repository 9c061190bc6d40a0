import { type DiscoveryReport, discoveryBody, goneFeature } from './discovery-body.ts'
import type { Send } from './request.ts'

/** What one target is like, against what was deployed to it. */
export interface TargetDrift {
  readonly target: string
  /** When it was looked at: RFC 3339, UTC. */
  readonly at: string
  /** What is not as it was deployed, a sentence each. */
  readonly reasons: readonly string[]
}

/** The calls by which an agent tells what it found on its host. */
export interface DiscoveryCalls {
  /**
   * What is not as it was deployed, a sentence each, as the errors of a discovery; a server with the feature `drift` is told of
   * targets that are in order, too. False: there was nothing that this server takes, and nothing was sent.
   */
  reportDrift(drift: readonly TargetDrift[]): Promise<boolean>
  /** Certificates that are on this host (protocol §1). */
  reportDiscovery(found: DiscoveryReport): Promise<void>
}

/** `knows`: whether the server has said that it has a feature. */
export function discoveryCalls(
  { send, sendAsAgent }: { readonly send: Send; readonly sendAsAgent: Send },
  { agentId, agent }: { readonly agentId: string; readonly agent: string },
  knows: (feature: string) => boolean,
): DiscoveryCalls {
  const path = `${agent}/discoveries`
  return {
    reportDrift: async (drift) => {
      const errors = drift.flatMap(({ target, reasons }) => reasons.map((reason) => `${target}: ${reason}`))
      // A server that does not know the field has an error for a discovery without a finding.
      if (errors.length === 0 && !(knows('drift') && drift.length > 0)) return false
      const body = {
        agent_id: agentId,
        directories: [],
        certificates: [],
        errors,
        scan_duration_ms: 0,
        drift: drift.map(({ target, at, reasons }) => ({ target_id: target, looked_at: at, reasons })),
      }
      await send({ method: 'POST', path, body })
      return true
    },
    reportDiscovery: async (found) => {
      const body = discoveryBody(agentId, found, knows(goneFeature))
      await sendAsAgent({ method: 'POST', path, body })
    },
  }
}
