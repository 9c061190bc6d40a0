import t, { type Test } from 'tap'
import { makeAuthority, type TestPair } from '../support/certificates.ts'
import { openMachine } from './support/machine.ts'
import { servedOn } from './support/mail-host.ts'
import { run } from './support/run.ts'
import { readPackage } from './support/site.ts'

const authority = await makeAuthority()
const bridge = `wxr${process.pid}`
await run(['ip', 'link', 'add', bridge, 'type', 'bridge'])
await run(['ip', 'link', 'set', bridge, 'up'])
const web = await openMachine({
  release: 'bookworm',
  hostname: 'web',
  number: 1,
  bridge,
  hosts: '',
  added: { installed: ['apache2'] },
})
t.teardown(async () => {
  await web.remove()
  await run(['ip', 'link', 'delete', bridge])
})

const name = 'www.example.net'
const certs = '/etc/apache2/certs'
const site = `<VirtualHost *:443>
  ServerName ${name}
  SSLEngine on
  SSLCertificateFile ${certs}/cert.pem
  SSLCertificateKeyFile ${certs}/key.pem
</VirtualHost>
`
const target = { cert_path: `${certs}/cert.pem`, key_path: `${certs}/key.pem`, validate_command: '/usr/local/bin/held' }
const config = `policy:
  roots: [${certs}]
  commands: [/usr/local/bin/held]
timeouts: { check: 5m }
`

await install()

await t.test('a recovery that goes on starts Apache again, which outlives the deployer', async (t) => {
  const next = await issue()
  await cutOff(t, next)

  await recovered()

  t.match(await web.run('journalctl', '-o', 'cat', '-u', 'waxseal-deploy'), /"did":"finished".*recovered/)
  await isServedByItsUnit(t, next.sha256)
})

await t.test('a recovery that puts back starts Apache again, which outlives the deployer', async (t) => {
  const before = await servedOn(web, 443)
  await cutOff(t, await issue())
  // What the policy of today does not have is not gone on with.
  await web.write('/etc/waxseal/waxseal.yaml', config.replace(certs, '/etc/dovecot'))

  await recovered()

  t.match(await web.run('journalctl', '-o', 'cat', '-u', 'waxseal-deploy'), /"did":"put back".*recovered/)
  await isServedByItsUnit(t, before)
})

async function isServedByItsUnit(t: Test, sha256: string): Promise<void> {
  t.equal(await servedOn(web, 443), sha256)
  t.equal(await web.run('systemctl', 'is-active', 'apache2'), 'active\n')
  t.match(await web.run('cat', `/proc/${await apachePid()}/cgroup`), /\/apache2\.service$/m)
}

function issue(): Promise<TestPair> {
  return authority.issue({ names: [name] })
}

/** Apache and Waxseal, with a pair that is served. */
async function install(): Promise<void> {
  const old = await issue()
  await web.write(`${certs}/cert.pem`, old.certificatePem)
  await web.write(`${certs}/key.pem`, old.keyPem, 0o600)
  await web.write('/etc/apache2/sites-available/tls.conf', site)
  await web.run('sh', '-ec', 'a2enmod -q ssl; a2ensite -q tls; systemctl restart apache2')
  // A check that never ends once the new certificate is there.
  const check = `#!/bin/sh\nif cmp -s ${certs}/cert.pem /root/next.pem; then touch /run/is-held; exec sleep 600; fi\n`
  await web.write('/usr/local/bin/held', check, 0o755)
  await web.write('/root/waxseal.deb', await readPackage())
  await web.run('apt-get', 'install', '-y', '/root/waxseal.deb')
  await web.write('/etc/waxseal/waxseal.yaml', config)
  const dropIn = '/etc/systemd/system/waxseal-deploy.service.d/apache.conf'
  await web.write(dropIn, '[Service]\nReadWritePaths=/etc/apache2 -/var/log/apache2 -/run/apache2\n')
  await web.run('systemctl', 'daemon-reload')
}

/** A deployment by hand that is killed with its new files in place, and an Apache that has ended since. */
async function cutOff(t: Test, next: TestPair): Promise<void> {
  await web.write('/root/next.pem', next.certificatePem)
  await web.write('/root/next.key', next.keyPem, 0o600)
  await web.write('/root/target.json', JSON.stringify(target))
  const options = '--connector apache --target /root/target.json --cert /root/next.pem --key /root/next.key'
  const deploy = `setsid waxseal deploy ${options} >/root/deploy.log 2>&1 </dev/null & echo $! >/run/deploy.pid`
  await web.run('sh', '-c', deploy)
  await web.run('sh', '-c', 'until [ -e /run/is-held ]; do sleep 0.1; done')
  await web.run('sh', '-c', 'kill -s KILL $(cat /run/deploy.pid); rm /run/is-held')
  await web.run('systemctl', 'stop', 'apache2')
  t.match(await web.run('ls', '/var/lib/waxseal/journal'), /json/)
}

/** The deployer is started as at boot, and has ended. */
async function recovered(): Promise<void> {
  await web.run('systemctl', 'start', 'waxseal-deploy')
  await web.run('sh', '-c', 'while systemctl is-active --quiet waxseal-deploy; do sleep 0.2; done')
}

async function apachePid(): Promise<string> {
  return (await web.run('cat', '/run/apache2/apache2.pid')).trim()
}
