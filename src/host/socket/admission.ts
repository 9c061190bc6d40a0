import type { Socket } from 'node:net'
import type { Server } from 'node:tls'

/** How many connections are let in. */
export interface AdmissionLimits {
  readonly perSecond: number
  /** So many at once after a rest. */
  readonly burst: number
  /** So many wait; more are hung up on, for they would wait longer than clients do. */
  readonly waiting: number
}

/** Lets connections in at a rate, in the order in which they came. */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #monotonicMs: () => number
  readonly #waiting: (() => void)[] = []
  #tokens: number
  #countedAt: number
  #timer: NodeJS.Timeout | null = null

  /** `monotonicMs`: a clock that nobody sets. */
  constructor(limits: AdmissionLimits, monotonicMs: () => number = () => performance.now()) {
    this.#limits = limits
    this.#monotonicMs = monotonicMs
    this.#tokens = limits.burst
    this.#countedAt = monotonicMs()
  }

  /** Runs `begin` now, or when it is its turn. False: too many wait, and it never runs. */
  enter(begin: () => void): boolean {
    this.admit()
    if (this.#waiting.length === 0 && this.#tokens >= 1) {
      this.#tokens -= 1
      begin()
      return true
    }
    if (this.#waiting.length >= this.#limits.waiting) return false
    this.#waiting.push(begin)
    this.#wake()
    return true
  }

  /** Lets in those whose turn it is by now. */
  admit(): void {
    const { perSecond, burst } = this.#limits
    const now = this.#monotonicMs()
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#countedAt) / 1000) * perSecond)
    this.#countedAt = now
    const due = this.#waiting.splice(0, Math.floor(this.#tokens))
    this.#tokens -= due.length
    for (const begin of due) begin()
  }

  #wake(): void {
    if (this.#timer !== null || this.#waiting.length === 0) return
    // A server that ends waits for its connections, not for this.
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.admit()
        this.#wake()
      },
      Math.ceil(1000 / this.#limits.perSecond),
    ).unref()
  }
}

/**
 * Has TLS begin at a rate on connections to this server, which does not listen yet: a handshake takes over a millisecond of a processor, and
 * a fleet that comes back at once would leave none for those who are connected. Until its turn nothing of a connection is read.
 * `onFull`: one was hung up on.
 */
export function admitAtRate(server: Server, limits: AdmissionLimits, onFull: () => void): void {
  const admission = new Admission(limits)
  const begin = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    // One that is reset while it waits is no error of anybody's.
    const ignore = (): void => {}
    socket.on('error', ignore)
    const isIn = admission.enter(() => {
      socket.off('error', ignore)
      if (!socket.destroyed) for (const listener of begin) listener.call(server, socket)
    })
    if (isIn) return
    socket.destroy()
    onFull()
  })
}
