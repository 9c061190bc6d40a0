import type { DaemonDefaults } from './plan-pair.ts'

/** Postfix and Dovecot by protocol §3. A target of either type may name the other one in its `mode`. */
export const mailDaemons = {
  postfix: {
    service: 'postfix',
    certPath: '/etc/postfix/certs/cert.pem',
    keyPath: '/etc/postfix/certs/key.pem',
    check: ['postfix', 'check'],
    reload: ['postfix', 'reload'],
  },
  dovecot: {
    service: 'dovecot',
    certPath: '/etc/dovecot/certs/cert.pem',
    keyPath: '/etc/dovecot/certs/key.pem',
    check: ['doveconf', '-n'],
    reload: ['doveadm', 'reload'],
  },
} as const satisfies Record<string, DaemonDefaults>

/** Their own commands, and the service manager's, allowed without a line in the policy. */
export const mailDaemonCommands = [
  mailDaemons.postfix.check,
  mailDaemons.postfix.reload,
  ['systemctl', 'reload', 'postfix'],
  mailDaemons.dovecot.check,
  mailDaemons.dovecot.reload,
  ['systemctl', 'reload', 'dovecot'],
] as const
