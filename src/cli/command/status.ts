import { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { readShownToUser } from '../../documents/read-shown-host.ts'
import { askStatus } from '../../status/ask-status.ts'
import type { StatusDocument } from '../../status/status-document.ts'
import { configOf, withConfig } from '../context.ts'
import { statusDocument } from '../half/read-status.ts'
import { socketsOf, statusSocket } from '../half/sockets.ts'
import { print, printJson } from '../print/print.ts'
import { statusLines } from '../print/status-lines.ts'

/** `waxseal status`: what the page shows, at a shell. */
export function statusCommand(): Command {
  return withConfig(new Command('status'))
    .description('Show the targets and the agent: asks the agent, and reads what it wrote down when none answers.')
    .option('--json', 'print one JSON document, as /status gives it')
    .addHelpText(
      'after',
      '\nAsking the agent needs no root. Exit status: 0 all is well, 1 a target failed or drifts, or the agent is not ready,\n2 usage or configuration.',
    )
    .action(async (options: { readonly config?: string; readonly json?: true }) => {
      const config = await configOf(options)
      const status = (await ask(config)) ?? (await readShown(config))
      if (options.json === true) printJson(status)
      else print(...statusLines(status))
      const isBroken = status.targets.some(({ state }) => state === 'failed' || state === 'drifting')
      process.exitCode = isBroken || !status.ready ? 1 : 0
    })
}

/** The courier by its socket in a folder of root's: at the port of the page anybody may listen. */
async function ask({ stateDir }: Config): Promise<StatusDocument | null> {
  return (await askStatus(statusSocket)) ?? (await askStatus(socketsOf(stateDir).status))
}

/** What the deployer wrote down for people. */
async function readShown(config: Config): Promise<StatusDocument> {
  const shown = await readShownToUser(config.stateDir)
  return statusDocument({ config, shown, state: null, reload: { invalid: null, waiting: [] } })
}
