import { join } from 'node:path'
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { openEngine } from '../deployer/open-engine.ts'
import { systemClock } from '../host/clock.ts'
import { tryLock } from '../host/file/file-lock.ts'
import { openInbox } from '../inbox/inbox.ts'
import { openOutbox } from '../outbox/outbox.ts'
import { askStatus } from '../status/ask-status.ts'
import type { StatusDocument } from '../status/status-document.ts'
import { configOf, withConfig } from './context.ts'
import { print, printJson } from './print.ts'
import { readStatus } from './read-status.ts'
import { statusLines } from './status-lines.ts'

/** `waxseal status`: what the page shows, at a shell. */
export function statusCommand(): Command {
  return withConfig(new Command('status'))
    .description('Show the targets and the agent: asks the agent, and reads the state directory when none answers.')
    .option('--json', 'print one JSON document, as /status gives it')
    .addHelpText(
      'after',
      '\nAsking the agent needs no root. Exit status: 0 all is well, 1 a target failed or drifts, or the agent is not ready,\n2 usage or configuration.',
    )
    .action(async (options: { readonly config?: string; readonly json?: true }) => {
      const config = await configOf(options)
      const status = (config.status === null ? null : await askStatus(config.status)) ?? (await readState(config))
      if (options.json === true) printJson(status)
      else print(...statusLines(status))
      const isBroken = status.targets.some(({ state }) => state === 'failed' || state === 'drifting')
      process.exitCode = isBroken || !status.ready ? 1 : 0
    })
}

/** The facts on disk. An agent that runs keeps its spool to itself. */
async function readState(config: Config): Promise<StatusDocument> {
  const engine = await openEngine(config, systemClock)
  const lock = tryLock(join(config.stateDir, 'agent.lock'))
  try {
    const spool =
      lock === null
        ? null
        : {
            inbox: await openInbox(join(config.stateDir, 'inbox'), systemClock),
            outbox: await openOutbox({
              path: join(config.stateDir, 'outbox'),
              deadPath: join(config.stateDir, 'dead'),
              clock: systemClock,
            }),
          }
    return await readStatus({ config, engine, spool, state: null, reload: { invalid: null, waiting: [] } })
  } finally {
    lock?.release()
  }
}
