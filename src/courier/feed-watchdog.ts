import type { Logger } from 'pino'
import type { ServiceManager } from '../host/process/service-manager.ts'
import type { Progress } from './progress.ts'

/** What keeps the watchdog of the service manager fed. */
export interface Feeding {
  readonly manager: Pick<ServiceManager, 'notify' | 'watchdogMs'>
  readonly progress: Progress
  readonly log: Logger
}

/**
 * Feeds the watchdog three times in its time, as long as every loop makes progress; one that does not stops the feeding,
 * and the service manager ends and restarts the agent. Nothing happens where there is no watchdog.
 */
export function feedWatchdog({ manager, progress, log }: Feeding): void {
  if (manager.watchdogMs === null) return
  const feed = async (): Promise<void> => {
    const overdue = progress.overdue()
    if (overdue.length === 0) await manager.notify('WATCHDOG=1')
    else log.error({ overdue }, 'the watchdog is not fed: these loops make no progress')
  }
  setInterval(() => void feed(), manager.watchdogMs / 3).unref()
}
