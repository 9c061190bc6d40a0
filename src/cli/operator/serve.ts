import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { standardOutput, writeToStandardOutput } from '../../host/process/log-stream.ts'
import { isAddressOrNetwork } from '../../host/socket/address-set.ts'
import { openLog } from '../../log/open-log.ts'
import { version } from '../../version.ts'
import { environment } from '../context.ts'
import { print } from '../print/print.ts'
import { mayColour } from '../print/terminal.ts'

/** What every command of the bundled control plane takes. */
export interface Shared {
  readonly dataDir: string
  readonly json?: true
}

/** With these options. */
export function withShared(command: Command): Command {
  return command
    .option('--data-dir <dir>', 'where the control plane keeps its data', '/var/lib/waxseal-control-plane')
    .option('--json', 'print one JSON document')
}

/** `waxseal control-plane serve`: the bundled control plane itself. */
export function serveCommand(): Command {
  return withShared(new Command('serve'))
    .description('Run the control plane until SIGTERM.')
    .option('--listen <host:port>', 'address', '127.0.0.1:8443')
    .option(
      '--config <file>',
      'issuers, DNS, notifications, old versions (default: /etc/waxseal/control-plane.yaml, where it is there)',
    )
    .option('--database <url>', 'postgres://USER@HOST/DATABASE, in place of an SQLite database in the data directory')
    .option(
      '--ca-dir <dir>',
      'where ca.pem and ca.key are; the same ones for every server of a database (default: --data-dir)',
    )
    .option(
      '--proxy-from <address...>',
      'addresses or networks of load balancers; they, and they alone, say by the PROXY protocol (v1, v2) whom a connection is from',
      addProxy,
    )
    .option('--name <name...>', 'names that its own certificate carries beside the host names, short and full')
    .action(
      async (
        options: Shared & {
          readonly listen: string
          readonly config?: string
          readonly database?: string
          readonly caDir?: string
          readonly name?: string[]
          readonly proxyFrom?: readonly string[]
        },
      ) => {
        const { startControlPlane } = await import('../../server/start-control-plane.ts')
        const { loadServerConfig } = await import('../../server/config/load-server-config.ts')
        const dataDir = resolve(options.dataDir)
        const config = await loadServerConfig(options.config === undefined ? null : resolve(options.config))
        const form = standardOutput(environment()['JOURNAL_STREAM'])
        const log = await openLog({ level: 'info', form, colours: mayColour(), write: writeToStandardOutput })
        const listen = parseListen(options.listen)
        const running = await startControlPlane({
          dataDir,
          config,
          ...listen,
          database: options.database,
          caDir: options.caDir === undefined ? undefined : resolve(options.caDir),
          names: options.name ?? [],
          proxyFrom: options.proxyFrom ?? [],
          log,
        })

        // Before the line that says so: whoever reads it may send SIGTERM at once.
        const end = new Promise((stop) => {
          process.once('SIGTERM', stop)
          process.once('SIGINT', stop)
        })
        print(
          `The control plane listens at ${running.url}; its CA is ${join(dataDir, 'ca.pem')}.`,
          'Next: waxseal control-plane token',
        )
        log.info({ version }, 'control plane starts')
        await end
        await running.close()
        log.info('control plane ends')
      },
    )
}

function addProxy(text: string, before: readonly string[] = []): readonly string[] {
  if (isAddressOrNetwork(text)) return [...before, text]
  throw new InvalidArgumentError('It is not an address or a network, such as 192.0.2.7 or 10.1.0.0/16.')
}

function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(listen)
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port > 65_535)
    throw new WaxsealError('CONFIG_INVALID', { listen, reason: 'it is not host:port' })
  return { host: match[1].replaceAll(/[[\]]/g, ''), port }
}
