import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'

/** The service manager reloads a server that runs, and starts one that has ended. */
export const byServiceManager: Command = ['systemctl', 'reload-or-restart', 'apache2']

/**
 * The reload, and what recovers. `graceful` starts a server that is gone, as a child of whoever says it: where that is a unit, the server
 * ends with the unit. So the service manager starts it, unless Apache runs without it. `systemctl reload` alone starts nothing.
 */
export async function revivingCommands(
  command: Command,
  graceful: Command,
  host: HostView,
): Promise<{ readonly activate: Command; readonly recover: Command }> {
  const line = command.join(' ')
  if (line === 'systemctl reload apache2') return { activate: command, recover: byServiceManager }
  if (line !== graceful.join(' ') || line !== 'apachectl graceful') return { activate: command, recover: command }
  const state = await stateOfApache(host)
  return {
    activate: state === 'down' ? byServiceManager : command,
    recover: state === 'its own' ? command : byServiceManager,
  }
}

/** `its own`: there is no systemd, or somebody has started Apache by hand. */
async function stateOfApache(host: HostView): Promise<'down' | 'a unit' | 'its own'> {
  if (!(await host.exists('/run/systemd/system'))) return 'its own'
  const pid = /^\d{1,10}(?=\s*$)/.exec(await textOf('/run/apache2/apache2.pid', host))?.[0]
  const cgroup = pid === undefined ? '' : await textOf(`/proc/${pid}/cgroup`, host)
  if (cgroup === '') return 'down'
  return cgroup.includes('/apache2.service') ? 'a unit' : 'its own'
}

async function textOf(path: string, host: HostView): Promise<string> {
  const bytes = await host.readFile(path).catch(() => null)
  return Buffer.from(bytes ?? []).toString('latin1')
}
