import type { Command } from '../../plan/plan.ts'
import type { Connector, OwnService } from '../connector.ts'
import { meansUsualInstance } from '../planner/means-usual-instance.ts'
import { planPair } from '../planner/plan-pair.ts'
import type { PairTarget } from '../planner/target.ts'
import { pairFields, targetSchema } from '../planner/target-schema.ts'
import { wirePlan } from '../wiring/wire-plan.ts'
import { readNginxWiring } from './read-wiring.ts'

const schema = targetSchema(pairFields)

/** The nginx that this command reaches: another instance than the system's is told by its options. */
export function nginxOf(program: Command, signs: OwnService['signs'] = 'sockets'): Connector<PairTarget> {
  const check: Command = [...program, '-t']
  const reload: Command = [...program, '-s', 'reload']
  const standardCommands: readonly Command[] = [check, reload, ['systemctl', 'reload', 'nginx']]
  return {
    name: 'nginx',
    aliases: ['NGINX'],
    description: 'Writes the pair that nginx reads, checks its configuration, reloads it and looks at its ports.',
    schema,
    example: {
      cert_path: '/etc/nginx/certs/cert.pem',
      key_path: '/etc/nginx/certs/key.pem',
      endpoints: ['www.example.net:443'],
    },
    standardCommands,
    accounts: ['www-data'],
    usual: { config: ['/etc/nginx/nginx.conf'] },
    at: ({ config }) => nginxOf(config === null ? program : ['nginx', '-c', config]),
    readWiring: (host) => readNginxWiring(host, program),
    own: { service: 'nginx', check, reload, signs },
    plan: async (target, material, host) => {
      const plan = planPair('nginx', target, material, {
        service: 'nginx',
        certPath: '/etc/nginx/certs/cert.pem',
        keyPath: '/etc/nginx/certs/key.pem',
        check,
        reload,
        freshKey: { mode: 0o640 },
      })
      if (!meansUsualInstance(target, standardCommands)) return plan
      return wirePlan(plan, await readNginxWiring(host, program), target, material, host)
    },
  }
}

/** nginx. A pair that does not match fails its check, and it goes on with the old one. */
export const nginx = nginxOf(['nginx'], {
  pidFiles: ['/run/nginx.pid'],
  units: ['nginx.service'],
  process: 'nginx',
})
