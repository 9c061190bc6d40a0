import type { Config } from '../../config/config.ts'
import { pause, systemClock } from '../../host/clock.ts'
import { isEnrolled, type Link } from './link.ts'

/** What waits to be enrolled. */
export interface Waiting {
  readonly link: Link
  /** The configuration as it is on disk now; throws where it is not valid. */
  readonly read: () => Promise<Config>
  /** Has the agent take the configuration over. */
  readonly reload: () => Promise<void>
  readonly stop: AbortSignal
}

const lookMs = 5000

/** Looks at the configuration until it names a control plane that can be connected to: waxseal enroll needs no restart. */
export async function watchForEnrolment({ link, read, reload, stop }: Waiting): Promise<void> {
  let tried = ''
  while (link.isWaiting() && !stop.aborted) {
    await pause(systemClock, lookMs, stop)
    const config = await read().catch(() => null)
    if (config === null || stop.aborted || !isEnrolled(config)) continue
    const named = JSON.stringify(config.controlPlane)
    // The first try says what is wrong; a credential that comes later is found without more words.
    await (named === tried ? link.offer(config).catch(() => {}) : reload())
    tried = named
  }
}
