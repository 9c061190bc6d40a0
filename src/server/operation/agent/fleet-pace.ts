import { longestToldMs } from '../../../control-plane/pace.ts'
import type { Store } from '../../store/store.ts'

/** What an agent is told of its pace, in seconds. */
export interface TellPace {
  /** From one call for work to the next where it does not wait, and from one heartbeat to the next. */
  readonly pollIntervalS: number
  /** A call for work comes after a random part of this. */
  readonly splayS: number
}

/** Calls for work and heartbeats of all agents together: 40 per cent of a core, at 1.1 ms for each (10,000 hosts and SQLite, `npm run bench:fleet`). */
export const steadyPerSecond = 360

const usual: TellPace = { pollIntervalS: 30, splayS: 5 }
/** From one call that waits to the next, without the splay, and between two heartbeats meanwhile. */
const [waitS, beatS] = [37.5, 300]
/** With a call that waits it is below the five minutes after which an agent is silent. */
const longestSplayS = 180

/** The pace at which so many agents make no more calls than that: the usual one for small fleets, and the slowest that agents take from 32,000 on. */
export function paceFor(agents: number): TellPace {
  const pollS = (2 * agents) / steadyPerSecond
  // What is left beside the heartbeats of those whose calls wait.
  const eachPerSecond = Math.max(steadyPerSecond / agents - 1 / beatS, Number.EPSILON)
  const isFew = agents / (usual.pollIntervalS + usual.splayS / 2) + agents / 60 <= steadyPerSecond
  return {
    pollIntervalS: isFew ? usual.pollIntervalS : Math.ceil(Math.min(pollS, longestToldMs / 1000)),
    splayS: Math.ceil(Math.min(Math.max(2 * (1 / eachPerSecond - waitS), usual.splayS), longestSplayS)),
  }
}

/** What agents are told now. Each server counts them for itself. */
export class FleetPace {
  #told = usual

  get told(): TellPace {
    return this.#told
  }

  /** Looks how many there are. */
  async count({ agents }: Pick<Store, 'agents'>): Promise<void> {
    this.#told = paceFor(await agents.countActive())
  }
}
