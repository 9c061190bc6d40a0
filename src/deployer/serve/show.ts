import type { Logger } from 'pino'
import { pause, systemClock } from '../../host/clock.ts'
import { Coalesced } from '../work/coalesced.ts'

/** Between two writes of the view, in milliseconds. */
const pauseMs = 400

/** Keeps the view as things are, with a few writes a second at most. That it cannot be written stops no work. */
export class Show {
  readonly #write: () => Promise<void>
  readonly #log: Pick<Logger, 'warn'>
  readonly #writing: Coalesced
  #hurry = new AbortController()
  #said = ''

  constructor(write: () => Promise<void>, log: Pick<Logger, 'warn'>) {
    this.#write = write
    this.#log = log
    this.#writing = new Coalesced(() => this.#once())
  }

  changed(): void {
    this.#writing.ask()
  }

  /** Writes it once more, at once. */
  async end(): Promise<void> {
    this.#hurry.abort()
    this.#writing.ask()
    await this.#writing.ended()
  }

  async #once(): Promise<void> {
    try {
      await this.#write()
      this.#said = ''
    } catch (error) {
      const reason = (error as Error).message
      if (reason !== this.#said) this.#log.warn({ reason }, 'what people may see of this host could not be written')
      this.#said = reason
    }
    await pause(systemClock, pauseMs, this.#hurry.signal)
  }
}
