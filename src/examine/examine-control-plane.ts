import type { HostFacts } from '../control-plane/host-facts.ts'
import { unknownAgent } from '../control-plane/unknown-agent.ts'
import type { ShownHost } from '../documents/shown-host.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import { refusedKind } from '../outbox/refused-kind.ts'
import type { Finding } from './finding.ts'

/** The control plane, and what this host says of itself. */
export interface AskedControlPlane {
  /** Null: none is configured. */
  readonly controlPlane: {
    heartbeat(facts: HostFacts): Promise<unknown>
    /** How far this clock is ahead of the server's, in milliseconds; null: it has not said. */
    clockAheadMs(): number | null
  } | null
  readonly facts: HostFacts
}

/** Whether it answers a heartbeat of this agent. */
export async function examineControlPlane({ controlPlane, facts }: AskedControlPlane): Promise<Finding> {
  const what = 'control plane'
  if (controlPlane === null) return { what, verdict: 'warning', detail: 'none is configured: waxseal enroll' }
  try {
    await controlPlane.heartbeat(facts)
    return { what, verdict: 'ok', detail: 'a heartbeat was answered' }
  } catch (error) {
    const coded = asWaxsealError(error)
    return {
      what,
      verdict: 'failed',
      detail: `${coded.code}: ${describeError(coded)}; ${coded.details['status'] === 500 ? `${unknownAgent} ` : ''}waxseal explain ${coded.code}`,
    }
  }
}

/** Whether it refuses reports of a kind as a whole. */
export function examineReports(shown: ShownHost | null): readonly Finding[] {
  const held = shown?.held ?? []
  if (held.length === 0) return []
  const said = held.map(({ count, refusal }) => `${refusedKind} ${count} are kept; the server said: ${refusal}`)
  return [{ what: 'reports', verdict: 'warning', detail: said.join(' ') }]
}

const longestSkewMs = 60_000

/** Whether this host has the server's time. Asked after the heartbeat, whose answer carried it. */
export function examineClock({ controlPlane }: AskedControlPlane): Finding {
  const what = 'clock'
  const aheadMs = controlPlane?.clockAheadMs() ?? null
  if (aheadMs === null) return { what, verdict: 'ok', detail: 'nobody to compare it with' }
  const seconds = Math.abs(Math.round(aheadMs / 1000))
  if (Math.abs(aheadMs) <= longestSkewMs)
    return { what, verdict: 'ok', detail: `within ${seconds + 1} s of the control plane's` }
  const side = aheadMs > 0 ? 'ahead of' : 'behind'
  const way = 'timedatectl set-ntp true; by a wrong clock, certificates seem expired or not valid yet'
  return { what, verdict: 'failed', detail: `${seconds} s ${side} the control plane's: ${way}` }
}
