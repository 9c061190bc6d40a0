import { countListening } from '../host/socket/listening-sockets.ts'
import type { Probe } from '../plan/plan.ts'
import { ListenerWatch } from './listener-watch.ts'
import { LookTurns } from './look-turns.ts'

/** What the looks of several verifications share, one transaction behind one reload: who answers at an address is the same for all. */
export class SharedLooks {
  readonly #count: (probe: Probe) => Promise<number>
  readonly #watches = new Map<string, ListenerWatch>()
  readonly #sockets = new Map<string, Promise<number>>()
  readonly #turns = new LookTurns()

  /** `count`: how many sockets listen there; as the host says unless a test says otherwise. */
  constructor(count: (probe: Probe) => Promise<number> = ({ host, port }) => countListening(host, port)) {
    this.#count = count
  }

  /** Of the address that a probe looks at. */
  watchOf(probe: Probe): ListenerWatch {
    const address = addressOf(probe)
    const watch = this.#watches.get(address) ?? new ListenerWatch()
    this.#watches.set(address, watch)
    return watch
  }

  /** Looks with a probe, not with too many at its address at the same time. */
  inTurn<T>(probe: Probe, look: () => Promise<T>): Promise<T> {
    return this.#turns.take(addressOf(probe), look)
  }

  /** How many sockets listen there, counted once; 0: it is not known. */
  socketsAt(probe: Probe): Promise<number> {
    const address = addressOf(probe)
    const sockets = this.#sockets.get(address) ?? this.#count(probe).catch(() => 0)
    this.#sockets.set(address, sockets)
    return sockets
  }
}

/** As people and records have it: `127.0.0.1:25`, `[::1]:25`, `unix:/run/socket`. */
export function addressOf({ host, port }: Probe): string {
  if (host.startsWith('/')) return `unix:${host}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
