import type { LookReport } from '../../control-plane/look-report.ts'
import type { Call } from './people-client.ts'

/** A look from outside as the control plane tells it. */
export interface ShownLook {
  readonly id: string
  readonly agent: string
  readonly domain: string
  readonly asked_at: string
  /** Null: it is not over. */
  readonly ended_at: string | null
  readonly report: LookReport | null
  readonly refusal: string | null
}

/** The operator's calls about looks from outside. */
export interface LookCalls {
  /** Returns its id. */
  askLook(domain: string, agent: string): Promise<string>
  look(id: string): Promise<ShownLook>
}

/** These calls over the client's own. */
export function lookCalls(call: Call): LookCalls {
  return {
    askLook: async (domain, agent) => (await call<{ readonly id: string }>('POST', '/looks', { domain, agent })).id,
    look: (id) => call('GET', `/looks/${encodeURIComponent(id)}`),
  }
}
