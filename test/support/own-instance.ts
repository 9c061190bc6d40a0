import type { Connector } from '../../src/connector/connector.ts'
import type { Daemon } from '../../src/demo/mail-host/daemon.ts'

/** The connector, as if this private instance were the one of the system. */
export function ownInstance<Target>(
  connector: Connector<Target>,
  { check, reload }: Pick<Daemon, 'check' | 'reload'>,
  pidFile: string,
  readWiring: NonNullable<Connector['readWiring']>,
): Connector {
  const { own } = connector
  if (own === undefined) throw new Error(`${connector.name} has no service of its own`)
  const asSystem = (one: Connector<Target>): Connector => ({
    ...(one as unknown as Connector),
    standardCommands: [...one.standardCommands, check, reload],
    own: { ...own, check, reload, signs: { pidFiles: [pidFile], units: [], process: '' } },
    readWiring,
  })
  return { ...asSystem(connector), at: (instance) => asSystem(connector.at?.(instance) ?? connector) }
}
