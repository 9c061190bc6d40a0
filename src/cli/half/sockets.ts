import { join } from 'node:path'
import { viewFolder } from '../../documents/shown-host.ts'

/** The courier's own account, which may do nothing. */
export const courierUser = 'waxseal'

/** Where the deployer answers, as its unit has it. */
export const deployerSocket = '/run/waxseal/deploy.sock'

/** Where the courier answers `waxseal status`, as its unit has it: a folder of root's. */
export const statusSocket = '/run/waxseal/status.sock'

/** The sockets of an agent without systemd: beside what its deployer shows. */
export function socketsOf(stateDir: string): { readonly deployer: string; readonly status: string } {
  const folder = viewFolder(stateDir)
  return { deployer: join(folder, 'deploy.sock'), status: join(folder, 'status', 'status.sock') }
}
