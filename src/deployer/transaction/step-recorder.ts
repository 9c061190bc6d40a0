import type { Clock } from '../../host/clock.ts'
import type { CommandFacts, Stage, Step } from '../../outcome/outcome.ts'

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
  run<T>(name: Stage, work: (commands: CommandFacts[]) => Promise<T>): Promise<T> {
    return runStep([this], this.#clock, name, work)
  }

  begin(name: Stage): void {
    this.#current = name
  }

  /** Who is told of a step cannot change what comes of it. */
  end(step: Step): void {
    this.steps.push(step)
    try {
      this.#onStep(step)
    } catch {
      return
    }
  }
}

/** Runs one step of several deployments at once: it is a step of each. */
export async function runStep<T>(
  recorders: readonly StepRecorder[],
  clock: Clock,
  name: Stage,
  work: (commands: CommandFacts[]) => Promise<T>,
): Promise<T> {
  for (const recorder of recorders) recorder.begin(name)
  const start = clock.now()
  const commands: CommandFacts[] = []
  try {
    return await work(commands)
  } finally {
    const step = { name, start: new Date(start).toISOString(), ms: clock.now() - start, commands }
    for (const recorder of recorders) recorder.end(step)
  }
}
