import type { Machine } from './machine.ts'

/** Has a host serve what certbot or lego got for it, as people who use these have it. */
export async function servesAsBefore(mail: Machine, client: 'certbot' | 'lego', name: string): Promise<void> {
  await (client === 'certbot' ? getByCertbot(mail, name) : getByLego(mail, name))
  const { certificate, key } = pairOf(client, name)
  // The one has Postfix's two settings, the other the newer one.
  if (client === 'certbot')
    await mail.run('postconf', '-e', `smtpd_tls_cert_file=${certificate}`, `smtpd_tls_key_file=${key}`)
  else await mail.run('postconf', '-e', `smtpd_tls_chain_files=${key}, ${certificate}`)
  const conf = '/etc/dovecot/conf.d/10-ssl.conf'
  const pair = `/etc/dovecot/private/dovecot`
  const told = (await mail.read(conf)).replace(`${pair}.pem`, certificate).replace(`${pair}.key`, key)
  await mail.write(conf, told)
  await mail.run('systemctl', 'restart', 'postfix', 'dovecot')
}

/** Where the client has its pair. */
function pairOf(client: 'certbot' | 'lego', name: string) {
  const lego = `/var/lib/lego/certificates/${name}`
  const certbot = `/etc/letsencrypt/live/${name}`
  return client === 'certbot'
    ? { certificate: `${certbot}/fullchain.pem`, key: `${certbot}/privkey.pem` }
    : { certificate: `${lego}.crt`, key: `${lego}.key` }
}

async function getByCertbot(mail: Machine, name: string): Promise<void> {
  const who = ['--agree-tos', '-m', 'postmaster@example.net', '--no-eff-email']
  await mail.run('certbot', 'certonly', '-n', '--standalone', '-d', name, ...who)
  await mail.run('systemctl', 'enable', '--now', 'certbot.timer')
}

async function getByLego(mail: Machine, name: string): Promise<void> {
  const lego = [
    'lego',
    '--path',
    '/var/lib/lego',
    '--email',
    'postmaster@example.net',
    '-a',
    '--http',
    '-d',
    name,
  ] as const
  await mail.run(...lego, 'run')
  await mail.write('/etc/systemd/system/lego.service', `[Service]\nType=oneshot\nExecStart=${lego.join(' ')} renew\n`)
  const timer = '[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n'
  await mail.write('/etc/systemd/system/lego.timer', timer)
  await mail.run('systemctl', 'daemon-reload')
  await mail.run('systemctl', 'enable', '--now', 'lego.timer')
}
