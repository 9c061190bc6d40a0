import type { Daemon } from './mail-host/daemon.ts'

/** A target as the operator adds it. */
export interface DemoTarget {
  readonly name: string
  readonly type: string
  readonly config: object
}

/** The target of a daemon: its files, its commands, all its ports. */
export function targetFor(daemon: Daemon): DemoTarget {
  const config = {
    cert_path: daemon.certPath,
    key_path: daemon.keyPath,
    validate_command: daemon.check.join(' '),
    reload_command: daemon.reload.join(' '),
    endpoints: endpointsOf(daemon),
  }
  return { name: daemon.name, type: daemon.name === 'dovecot' ? 'Dovecot' : 'Postfix', config }
}

/**
 * Its reload command does nothing, so Dovecot goes on with the old certificate. Postfix starts new processes with the new
 * one and the stand-in reads its files for each connection: there a port that nobody listens on makes it fail.
 */
export function targetThatFails(daemon: Daemon): DemoTarget {
  const target = targetFor(daemon)
  const config = {
    ...target.config,
    reload_command: 'true',
    endpoints: [...endpointsOf(daemon), ...(daemon.name === 'dovecot' ? [] : ['127.0.0.1:1'])],
    post_deploy_verify_attempts: 3,
    post_deploy_verify_backoff: '200ms',
  }
  return { ...target, name: 'silent-hook', config }
}

function endpointsOf({ ports }: Daemon): readonly object[] {
  return ports.map(({ port, protocol }) => ({ endpoint: `127.0.0.1:${port}`, protocol }))
}
