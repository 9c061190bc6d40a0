import type { Command } from '../../plan/plan.ts'
import type { LoadingCommands } from '../connector.ts'
import type { HostView } from '../host-view.ts'

/** The service manager reloads a server that runs, and starts one that has ended. */
export const byServiceManager: Command = ['systemctl', 'reload-or-restart', 'apache2']

/**
 * The reload, and what recovers. `graceful` starts a server that is gone, as a child of whoever says it: where that is a unit, the server
 * ends with the unit. So the service manager reloads or starts it, unless Apache runs without it: at the activation, too, for a recovery
 * may run that of a journal when Apache is long gone. `systemctl reload` alone starts nothing.
 */
export async function revivingCommands(command: Command, graceful: Command, host: HostView): Promise<LoadingCommands> {
  const line = command.join(' ')
  if (line === 'systemctl reload apache2') return { activate: command, recover: byServiceManager }
  if (line !== graceful.join(' ') || line !== 'apachectl graceful') return { activate: command, recover: command }
  const state = await stateOfApache(host)
  const way = state === 'its own' ? command : byServiceManager
  return { activate: way, recover: way }
}

/** `its own`: there is no systemd, or somebody has started Apache by hand. */
async function stateOfApache(host: HostView): Promise<'down' | 'a unit' | 'its own'> {
  // sd_booted(3): a folder, which is no file that could be read.
  if ((await host.list('/run/systemd/system')) === null) return 'its own'
  const pid = /^\d{1,10}(?=\s*$)/.exec(await textOf('/run/apache2/apache2.pid', host))?.[0]
  const cgroup = pid === undefined ? '' : await textOf(`/proc/${pid}/cgroup`, host)
  if (cgroup === '') return 'down'
  return cgroup.includes('/apache2.service') ? 'a unit' : 'its own'
}

async function textOf(path: string, host: HostView): Promise<string> {
  const bytes = await host.readFile(path).catch(() => null)
  return Buffer.from(bytes ?? []).toString('latin1')
}
