import t from 'tap'
import { postfixTarget, quickConfig, serveOldPairs, slowTarget } from './support/mail-host.ts'
import { oldPackage } from './support/old-package.ts'
import { addTarget, finished, request, servesWhatIsReported } from './support/operator.ts'
import { openSite } from './support/site.ts'
import { stateOfUnit } from './support/steps.ts'

const site = await openSite('bookworm')
t.teardown(() => site.close())
const { mail, control, operate } = site
const dropIn = '/etc/systemd/system/waxseal.service.d/keys.conf'
const underWay = 'until [ -n "$(ls /var/lib/waxseal/journal)" ]; do sleep 0.1; done'

await t.test('version 0.1 is installed, with keys of another agent and a drop-in, and deploys', async (t) => {
  await serveOldPairs(mail)
  await control.write('/root/waxseal.deb', site.deb)
  await mail.write('/root/old.deb', await oldPackage())
  await mail.write('/root/new.deb', site.deb)
  await control.run('apt-get', 'install', '-y', '/root/waxseal.deb')
  await control.run('systemctl', 'start', 'waxseal-control-plane')
  await control.run('sh', '-c', 'until [ -s /var/lib/waxseal-control-plane/ca.pem ]; do sleep 0.1; done')
  await mail.write('/root/ca.pem', await control.read('/var/lib/waxseal-control-plane/ca.pem'))
  await mail.write('/root/token', (await operate<{ readonly token: string }>('token')).token, 0o600)
  await mail.run('apt-get', 'install', '-y', '/root/old.deb')
  const url = 'https://certs.example.net:8443'
  await mail.run('waxseal', 'enroll', '--url', url, '--ca-file', '/root/ca.pem', '--token-file', '/root/token')
  // As a careful administrator has it.
  await mail.run('sh', '-c', `printf '${quickConfig.replaceAll('\n', '\\n')}' >> /etc/waxseal/waxseal.yaml`)
  await mail.run('chmod', '0600', '/etc/waxseal/waxseal.yaml')
  await mail.run('install', '-d', '-m', '0700', '/srv/keys')
  await mail.write('/etc/waxseal/agent.env', 'CERTCTL_KEY_DIR=/srv/keys\n', 0o600)
  await mail.write(dropIn, '[Service]\nEnvironmentFile=/etc/waxseal/agent.env\nReadWritePaths=/srv/keys\n')
  await mail.run('systemctl', 'daemon-reload')
  await mail.run('systemctl', 'start', 'waxseal')
  await addTarget(site, 'mail-postfix', postfixTarget)
  await addTarget(site, 'mail-dovecot', slowTarget)

  t.match(await finished(site, await request(site, 'mail-postfix')), { outcome: { outcome: 'deployed' } })
})

await t.test('an upgrade in the middle of a deployment loses nothing, and both halves go on', async (t) => {
  const kept = ['sh', '-c', 'cd /var/lib/waxseal && ls deployments archive keys'] as const
  const before = await mail.run(...kept)
  await mail.run('dpkg', '--unpack', '/root/new.deb')
  const certificate = await request(site, 'mail-dovecot')
  await mail.run('sh', '-c', underWay)

  await mail.run('dpkg', '--configure', 'waxseal')

  await servesWhatIsReported(t, site, certificate)
  const after = (await mail.run(...kept)).split('\n')
  t.same(
    before.split('\n').filter((name) => !after.includes(name)),
    [],
  )
  t.equal(await stateOfUnit(mail), 'active')
  t.match(await mail.run('stat', '-c', '%a %U %G', '/etc/waxseal/waxseal.yaml'), '640 root waxseal')
  t.equal(await mail.run('stat', '-c', '%a %U', '/var/lib/waxseal'), '700 root\n')
  t.match(await mail.run('systemctl', 'cat', 'waxseal-deploy'), /ReadWritePaths=\/srv\/keys/)
  t.match(await finished(site, await request(site, 'mail-postfix')), { outcome: { outcome: 'deployed' } })
  t.match(await mail.run('waxseal', 'check'), /ok +control plane: a heartbeat was answered/)
})

await t.test('a job that a killed agent of 0.1 had begun is ended by the deployer', async (t) => {
  await mail.run('apt-get', 'install', '-y', '--allow-downgrades', '/root/old.deb')
  const certificate = await request(site, 'mail-dovecot')
  await mail.run('sh', '-c', underWay)
  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'waxseal')
  await mail.run('systemctl', 'stop', 'waxseal')
  await mail.run('apt-get', 'install', '-y', '/root/new.deb')

  await mail.run('systemctl', 'start', 'waxseal')

  await servesWhatIsReported(t, site, certificate, /^(deployed|unchanged)$/)
})

await t.test('the way back ends what a crash left under way first, and 0.1 goes on with the job', async (t) => {
  const certificate = await request(site, 'mail-dovecot')
  await mail.run('sh', '-c', underWay)
  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'waxseal-deploy')
  await mail.run('systemctl', 'stop', 'waxseal-deploy.socket', 'waxseal-deploy')

  await mail.run('apt-get', 'install', '-y', '--allow-downgrades', '/root/old.deb')

  t.equal(await stateOfUnit(mail), 'active')
  t.equal(await mail.run('ls', '/var/lib/waxseal/journal'), '')
  await servesWhatIsReported(t, site, certificate, /^(deployed|unchanged)$/)
  t.match(await finished(site, await request(site, 'mail-postfix')), { outcome: { outcome: 'deployed' } })
})
