import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from '../../src/demo/mail-host/daemon.ts'
import { type FirstPair, startPostfix } from '../../src/demo/mail-host/postfix-instance.ts'
import { startStandIn } from '../../src/demo/mail-host/stand-in.ts'
import { isRoot } from '../../src/host/host-facts.ts'

/** Why a test of these programs is left out on this machine, in a sentence; false: it is not. */
export function unlessInstalled(...programs: readonly string[]): string | false {
  if (!isRoot()) return 'only root can start the daemons'
  const missing = programs.filter((program) => !isInstalled(program))
  return missing.length === 0 ? false : `${missing.join(' and ')} is not installed`
}

function isInstalled(program: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** A real Postfix, or the stand-in where that cannot be. */
export async function startMailServer(dir: string, pair: FirstPair): Promise<Daemon> {
  return unlessInstalled('postfix') === false ? startPostfix(dir, pair) : startStandIn(dir, pair)
}
