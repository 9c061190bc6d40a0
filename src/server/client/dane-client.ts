import type { daneOnWire } from '../route/dane-on-wire.ts'
import type { DaneBody } from '../route/schemas-of-dane.ts'
import type { Call, Part, Query } from './people-client.ts'

/** A target with roll-over as the control plane tells it. */
export type ToldDane = ReturnType<typeof daneOnWire>

/** What was turned on or off. */
export interface ToldTurn {
  readonly target_id: string
  readonly rollover: boolean
  readonly names: readonly string[]
}

/** The operator's calls about TLSA records; a target by id or name. */
export interface DaneCalls {
  dane(query?: Query): Promise<Part<ToldDane>>
  daneOf(target: string): Promise<ToldDane>
  turnDane(target: string, body: DaneBody): Promise<ToldTurn>
}

/** These calls over the client's own. */
export function daneCalls(call: Call, queryOf: (query: Query) => string): DaneCalls {
  return {
    dane: async (query = {}) => {
      const { dane: rows, next } = await call<{ dane: readonly ToldDane[]; next: string | null }>(
        'GET',
        `/dane${queryOf(query)}`,
      )
      return { rows, next }
    },
    daneOf: (target) => call('GET', `/targets/${encodeURIComponent(target)}/dane`),
    turnDane: (target, body) => call('POST', `/targets/${encodeURIComponent(target)}/dane`, body),
  }
}
