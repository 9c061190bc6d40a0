import type { Config } from '../../config/config.ts'
import type { Engine } from '../../deployer/engine.ts'
import { showHost } from '../../deployer/view.ts'
import { readShownHost } from '../../documents/read-shown-host.ts'

/**
 * What people may see follows what a command changed by hand; the rest of it stays. `isWhole`: the engine knows every connector, and so
 * what is wrong with the host's own targets. That it cannot be written fails no command.
 */
export async function showChanged({ stateDir }: Config, engine: Engine, isWhole: boolean): Promise<void> {
  try {
    const brokenTargets = isWhole ? undefined : ((await readShownHost(stateDir))?.brokenTargets ?? [])
    await showHost(stateDir, engine, brokenTargets === undefined ? {} : { brokenTargets })
  } catch (error) {
    process.stderr.write(`waxseal: the status page does not show this yet: ${(error as Error).message}\n`)
  }
}
