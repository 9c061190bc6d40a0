import { runCommand } from './command.ts'

/** The service manager that started this process; nothing is told where there is none. */
export interface ServiceManager {
  /** Tells it assignments of sd_notify(3): `READY=1`. Never throws: the work does not depend on it. */
  notify(...assignments: readonly string[]): Promise<void>
  /** The time within which the watchdog wants to be fed, in milliseconds; null: there is no watchdog. */
  readonly watchdogMs: number | null
}

const notifyMs = 10_000

/** By the variables NOTIFY_SOCKET and WATCHDOG_USEC. Node has no datagram sockets of Unix: systemd-notify(1) sends for it. */
export function openServiceManager(env: Readonly<Record<string, string | undefined>>): ServiceManager {
  const socket = env['NOTIFY_SOCKET']
  const usec = Number(env['WATCHDOG_USEC'])
  if (socket === undefined) return { notify: async () => {}, watchdogMs: null }
  return {
    notify: async (...assignments) => {
      const options = { timeoutMs: notifyMs, env: { NOTIFY_SOCKET: socket } }
      await runCommand(['systemd-notify', ...assignments], options)
    },
    watchdogMs: usec > 0 ? usec / 1000 : null,
  }
}
