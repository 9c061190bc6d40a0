import type { Material } from '../../material/material.ts'
import type { Command, Plan } from '../../plan/plan.ts'
import type { OwnService } from '../connector.ts'
import { readDovecotWiring } from '../dovecot/read-wiring.ts'
import type { HostView } from '../host-view.ts'
import { type DaemonDefaults, planPair } from '../planner/plan-pair.ts'
import type { MailTarget } from '../planner/target.ts'
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
      pidFiles: ['/var/spool/postfix/pid/master.pid'],
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
      pidFiles: ['/run/dovecot/master.pid'],
      agreeingLooks: 1,
    },
    commandsFor: (config) => ({ check: ['doveconf', '-c', config, '-n'], reload: ['doveadm', '-c', config, 'reload'] }),
    readWiring: readDovecotWiring,
  },
} as const satisfies Record<string, MailDaemon>

/** The plan of a mail daemon, with what its own settings say. A target of either type may name the other one in its `mode`. */
export async function planMailDaemon(
  connector: 'postfix' | 'dovecot',
  target: MailTarget,
  material: Material,
  host: HostView,
): Promise<Plan> {
  const daemon = daemonOf(connector, target)
  const config = target.daemon_config ?? null
  const defaults = config === null ? daemon.defaults : { ...daemon.defaults, ...daemon.commandsFor(config) }
  const plan = planPair(connector, target, material, defaults)
  return wirePlan(plan, await daemon.readWiring(host, config), target, material, host)
}

/** Each as it is run by default. */
export const ownMailDaemons: Readonly<Record<'postfix' | 'dovecot', OwnService>> = {
  postfix: mailDaemons.postfix.defaults,
  dovecot: mailDaemons.dovecot.defaults,
}

/** What the instance that a target names reads; left out: the system's. */
export function readMailWiring(
  connector: 'postfix' | 'dovecot',
  host: HostView,
  target: Pick<MailTarget, 'mode' | 'daemon_config'> = {},
): Promise<Wiring | Unwired> {
  return daemonOf(connector, target).readWiring(host, target.daemon_config ?? null)
}

function daemonOf(connector: 'postfix' | 'dovecot', { mode }: Pick<MailTarget, 'mode'>): MailDaemon {
  return mailDaemons[mode ?? connector]
}

/** Their own commands, and the service manager's, allowed without a line in the policy. */
export const mailDaemonCommands: readonly Command[] = [
  mailDaemons.postfix.defaults.check,
  mailDaemons.postfix.defaults.reload,
  ['systemctl', 'reload', 'postfix'],
  ['postmap', '-F', '<map>'],
  mailDaemons.dovecot.defaults.check,
  mailDaemons.dovecot.defaults.reload,
  ['systemctl', 'reload', 'dovecot'],
]
