import type { Command } from '../../plan/plan.ts'
import type { Connector, OwnService } from '../connector.ts'
import { readDovecotWiring } from '../dovecot/read-wiring.ts'
import type { HostView } from '../host-view.ts'
import { type DaemonDefaults, planPair } from '../planner/plan-pair.ts'
import type { MailTarget } from '../planner/target.ts'
import { mailFields, targetSchema } from '../planner/target-schema.ts'
import { readPostfixWiring } from '../postfix/read-wiring.ts'
import { wirePlan } from './wire-plan.ts'
import type { Unwired, Wiring } from './wiring.ts'

interface MailDaemon {
  readonly defaults: DaemonDefaults & OwnService
  /** Its commands for another instance than the system's. */
  readonly commandsFor: (config: string) => Pick<DaemonDefaults, 'check' | 'reload'>
  readonly readWiring: (host: HostView, config: string | null) => Promise<Wiring | Unwired>
}

/** Postfix and Dovecot by protocol §3. */
const mailDaemons = {
  postfix: {
    defaults: {
      service: 'postfix',
      certPath: '/etc/postfix/certs/cert.pem',
      keyPath: '/etc/postfix/certs/key.pem',
      check: ['postfix', 'check'],
      checkReadsCertificates: false,
      reload: ['postfix', 'reload'],
      signs: {
        pidFiles: ['/var/spool/postfix/pid/master.pid'],
        units: ['postfix.service', 'postfix@-.service'],
        process: 'master',
      },
      agreeingLooks: 1,
    },
    commandsFor: (config) => ({
      check: ['postfix', '-c', config, 'check'],
      reload: ['postfix', '-c', config, 'reload'],
    }),
    readWiring: readPostfixWiring,
  },
  dovecot: {
    defaults: {
      service: 'dovecot',
      certPath: '/etc/dovecot/certs/cert.pem',
      keyPath: '/etc/dovecot/certs/key.pem',
      check: ['doveconf', '-n'],
      checkReadsCertificates: false,
      reload: ['doveadm', 'reload'],
      signs: { pidFiles: ['/run/dovecot/master.pid'], units: ['dovecot.service'], process: 'dovecot' },
      agreeingLooks: 1,
    },
    commandsFor: (config) => ({ check: ['doveconf', '-c', config, '-n'], reload: ['doveadm', '-c', config, 'reload'] }),
    readWiring: readDovecotWiring,
  },
} as const satisfies Record<string, MailDaemon>

/** One for all instances: each schema is compiled once, and never dropped. */
const schema = targetSchema(mailFields)

/** The connector of a mail daemon for these settings; null: the system's. Its target may name the other daemon in `mode`. */
export function mailConnector(
  name: 'postfix' | 'dovecot',
  facts: Pick<Connector<MailTarget>, 'aliases' | 'description' | 'example' | 'accounts' | 'usual'>,
  config: string | null = null,
): Connector<MailTarget> {
  const daemonOf = ({ mode }: Pick<MailTarget, 'mode'>): MailDaemon => mailDaemons[mode ?? name]
  return {
    ...facts,
    name,
    schema,
    standardCommands: [...mailDaemonCommands, ...(config === null ? [] : commandsAt(config))],
    readWiring: (host, target = {}) => daemonOf(target).readWiring(host, config),
    own: ownOf(mailDaemons[name], config),
    at: (instance) => mailConnector(name, facts, instance.config),
    plan: async (target, material, host) => {
      const daemon = daemonOf(target)
      const defaults = config === null ? daemon.defaults : { ...daemon.defaults, ...daemon.commandsFor(config) }
      const plan = planPair(name, target, material, defaults)
      return wirePlan(plan, await daemon.readWiring(host, config), target, material, host)
    },
  }
}

function ownOf({ defaults, commandsFor }: MailDaemon, config: string | null): OwnService {
  return config === null ? defaults : { ...defaults, ...commandsFor(config), signs: 'sockets' }
}

/** Their own commands, and the service manager's, allowed without a line in the policy. */
const mailDaemonCommands: readonly Command[] = [
  mailDaemons.postfix.defaults.check,
  mailDaemons.postfix.defaults.reload,
  ['systemctl', 'reload', 'postfix'],
  ['postmap', '-F', '<map>'],
  mailDaemons.dovecot.defaults.check,
  mailDaemons.dovecot.defaults.reload,
  ['systemctl', 'reload', 'dovecot'],
]

function commandsAt(config: string): readonly Command[] {
  const own = Object.values(mailDaemons).flatMap(({ commandsFor }) => Object.values(commandsFor(config)))
  return [...own, ['postmap', '-c', config, '-F', '<map>']]
}
