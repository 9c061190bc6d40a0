import { X509Certificate } from 'node:crypto'
import { spelledFor } from '../../../src/demo/mail-host/dovecot-settings.ts'
import type { Machine } from './machine.ts'

/** Has Postfix and Dovecot of a fresh machine read their pairs where Waxseal's targets are, and serve old ones. A group may read the key of Postfix. */
export async function serveOldPairs(mail: Machine): Promise<void> {
  for (const daemon of ['postfix', 'dovecot']) {
    const certs = `/etc/${daemon}/certs`
    await mail.run('install', '-d', '-m', '0755', certs)
    const subject = ['-subj', '/CN=mail.example.net', '-days', '9', '-nodes', '-newkey', 'rsa:2048']
    const files = ['-keyout', `${certs}/key.pem`, '-out', `${certs}/cert.pem`]
    await mail.run('openssl', 'req', '-x509', ...subject, ...files)
  }
  await mail.run('chgrp', 'mail', '/etc/postfix/certs/key.pem')
  await mail.run('chmod', '0640', '/etc/postfix/certs/key.pem')
  await mail.run(
    'postconf',
    'smtpd_tls_cert_file=/etc/postfix/certs/cert.pem',
    'smtpd_tls_key_file=/etc/postfix/certs/key.pem',
  )
  const ssl = 'ssl = yes\nssl_cert = </etc/dovecot/certs/cert.pem\nssl_key = </etc/dovecot/certs/key.pem\n'
  const release = (await mail.run('dovecot', '--version')).startsWith('2.3') ? '2.3' : '2.4'
  await mail.write('/etc/dovecot/conf.d/99-certs.conf', spelledFor(release, ssl))
  const isHeld = `[ -e ${held} ] && [ /etc/dovecot/certs/cert.pem -nt ${held} ]`
  await mail.write(check, `#!/bin/sh\nwhile ${isHeld}; do sleep 0.1; done\n`, 0o755)
  await mail.run('systemctl', 'restart', 'postfix', 'dovecot')
}

/** The target of Postfix. */
export const postfixTarget = { type: 'Postfix', config: { endpoints: ['127.0.0.1:25'] } }

const check = '/usr/local/bin/held-check'
const held = '/run/check-is-held'

/** The target of Dovecot: its check can be held, so that a deployment is met in its middle, with new files in place. */
export const heldTarget = {
  type: 'Dovecot',
  config: { endpoints: ['127.0.0.1:993', '127.0.0.1:143'], validate_command: check },
}

/** What the host's administrator allows beside the usual, and how often the agent asks. */
export const quickConfig = `poll_interval: 1s\ntimeouts: { check: 5m }\npolicy:\n  commands: ["${check}"]\n`

/** From now on a check waits once the new files are there, until {@link release} or the next boot. */
export async function hold(mail: Machine): Promise<void> {
  await mail.run('touch', held)
}

/** What is held goes on. */
export async function release(mail: Machine): Promise<void> {
  await mail.run('rm', held)
}

/** SHA-256 of the leaf that openssl(1) sees on a port of the machine. */
export async function servedOn(mail: Machine, port: number, starttls?: 'smtp' | 'imap'): Promise<string> {
  const protocol = starttls === undefined ? [] : ['-starttls', starttls]
  const argv = ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, ...protocol] as const
  const output = await mail.run('sh', '-c', `${argv.join(' ')} </dev/null`)
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(output)?.[0]
  if (pem === undefined) throw new Error(`no certificate on port ${port}:\n${output}`)
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}
