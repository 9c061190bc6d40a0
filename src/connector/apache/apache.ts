import type { Command } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import { planPair } from '../plan-pair.ts'
import type { PairTarget } from '../target.ts'
import { pairFields, targetSchema } from '../target-schema.ts'

/**
 * Apache. Its check says yes to a pair that does not match, and the server ends when it reloads one: the material is
 * judged before anything is touched, and what recovers starts a server that has ended.
 */
export const apache: Connector<PairTarget> = {
  name: 'apache',
  aliases: ['Apache', 'apache2', 'httpd'],
  description:
    'Writes the pair that Apache reads, checks its configuration, reloads it gracefully and looks at its ports.',
  schema: targetSchema(pairFields),
  example: {
    cert_path: '/etc/apache2/certs/cert.pem',
    key_path: '/etc/apache2/certs/key.pem',
    chain_path: '/etc/apache2/certs/chain.pem',
    endpoints: ['www.example.net:443'],
  },
  standardCommands: [
    ['apachectl', 'configtest'],
    ['apachectl', 'graceful'],
    ['systemctl', 'reload', 'apache2'],
    ['systemctl', 'reload-or-restart', 'apache2'],
  ],
  own: {
    service: 'apache',
    check: ['apachectl', 'configtest'],
    reload: ['apachectl', 'graceful'],
    processes: ['apache2', 'httpd'],
  },
  plan: async (target, material) => {
    const plan = planPair('apache', target, material, {
      service: 'apache',
      certPath: '/etc/apache2/certs/cert.pem',
      keyPath: '/etc/apache2/certs/key.pem',
      check: ['apachectl', 'configtest'],
      reload: ['apachectl', 'graceful'],
    })
    return { ...plan, recover: plan.recover.map(reviving) }
  },
}

/** `graceful` starts a server that is gone; a reload by systemd does not. */
function reviving(command: Command): Command {
  return command.join(' ') === 'systemctl reload apache2' ? ['systemctl', 'reload-or-restart', 'apache2'] : command
}
