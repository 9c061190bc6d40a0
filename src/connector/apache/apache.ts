import type { Command } from '../../plan/plan.ts'
import type { Connector, OwnService } from '../connector.ts'
import { meansUsualInstance } from '../planner/means-usual-instance.ts'
import { planPair } from '../planner/plan-pair.ts'
import type { PairTarget } from '../planner/target.ts'
import { pairFields, targetSchema } from '../planner/target-schema.ts'
import { wirePlan } from '../wiring/wire-plan.ts'
import { readApacheWiring } from './read-wiring.ts'
import { byServiceManager, revivingCommands } from './reviving.ts'

/** How an instance of Apache is reached. */
interface ApacheCommands {
  readonly program: Command
  readonly check: Command
  readonly reload: Command
  /** Left out: it is an instance. */
  readonly signs?: OwnService['signs']
}

const schema = targetSchema(pairFields)

/** The Apache that these commands reach. */
export function apacheOf({ program, check, reload, signs = 'sockets' }: ApacheCommands): Connector<PairTarget> {
  const standardCommands: readonly Command[] = [check, reload, ['systemctl', 'reload', 'apache2'], byServiceManager]
  return {
    name: 'apache',
    aliases: ['Apache', 'apache2', 'httpd'],
    description:
      'Writes the pair that Apache reads, checks its configuration, reloads it gracefully and looks at its ports.',
    schema,
    example: {
      cert_path: '/etc/apache2/certs/cert.pem',
      key_path: '/etc/apache2/certs/key.pem',
      chain_path: '/etc/apache2/certs/chain.pem',
      endpoints: ['www.example.net:443'],
    },
    standardCommands,
    accounts: ['www-data'],
    usual: { config: ['/etc/apache2/apache2.conf'] },
    at: ({ config }) => (config === null ? apache : apacheOf(commandsAt(config))),
    readWiring: (host) => readApacheWiring(host, program),
    own: { service: 'apache', check, reload, signs, loading: (host) => revivingCommands(reload, reload, host) },
    plan: async (target, material, host) => {
      const planned = planPair('apache', target, material, {
        service: 'apache',
        certPath: '/etc/apache2/certs/cert.pem',
        keyPath: '/etc/apache2/certs/key.pem',
        check,
        reload,
      })
      const { activate, recover } = await revivingCommands(planned.activate[0] ?? reload, reload, host)
      const plan = { ...planned, activate: [activate], recover: [recover] }
      if (!meansUsualInstance(target, standardCommands)) return plan
      return wirePlan(plan, await readApacheWiring(host, program), target, material, host)
    },
  }
}

/**
 * Apache. Its check says yes to a pair that does not match, and the server ends when it reloads one: the material is
 * judged before anything is touched, and what recovers starts a server that has ended.
 */
export const apache = apacheOf({
  program: ['apache2ctl'],
  check: ['apachectl', 'configtest'],
  reload: ['apachectl', 'graceful'],
  signs: {
    pidFiles: ['/run/apache2/apache2.pid'],
    units: ['apache2.service'],
    process: 'apache2',
  },
})

function commandsAt(config: string): ApacheCommands {
  const program: Command = ['apache2ctl', '-f', config]
  return { program, check: [...program, '-t'], reload: [...program, '-k', 'graceful'] }
}
