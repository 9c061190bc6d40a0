import type { Clock } from '../host/clock.ts'
import type { CommandFacts, Stage, Step } from '../outcome/outcome.ts'

/** Told of each step when it ends. */
export type OnStep = (step: Step) => void

/** Keeps the steps of one deployment, with their times. */
export class StepRecorder {
  readonly steps: Step[] = []
  readonly #clock: Clock
  readonly #onStep: OnStep
  #current: Stage = 'material'

  constructor(clock: Clock, onStep: OnStep) {
    this.#clock = clock
    this.#onStep = onStep
  }

  /** The last stage that was begun. */
  get stage(): Stage {
    return this.#current
  }

  /** Runs one step; the commands that it adds to the list are recorded with it, also when it throws. */
  async run<T>(name: Stage, work: (commands: CommandFacts[]) => Promise<T>): Promise<T> {
    this.#current = name
    const start = this.#clock.now()
    const commands: CommandFacts[] = []
    try {
      return await work(commands)
    } finally {
      const step = { name, start: new Date(start).toISOString(), ms: this.#clock.now() - start, commands }
      this.steps.push(step)
      this.#onStep(step)
    }
  }
}
