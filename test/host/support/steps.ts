import { performance } from 'node:perf_hooks'
import type { Test } from 'tap'
import type { Release } from './base-image.ts'
import type { Machine } from './machine.ts'
import { heldTarget, hold, postfixTarget, quickConfig, release, servedOn, serveOldPairs } from './mail-host.ts'
import { addTarget, finished, request, servesWhatIsReported } from './operator.ts'
import { openSite, type Site } from './site.ts'

/** Boots both machines with this release, with this machine at their switch where it has an address there; the control plane runs, nothing of Waxseal is on the mail host. */
export async function openSiteBeforeInstallation(release: Release, address?: string): Promise<Site> {
  const site = await openSite(release, address)
  const { mail, control } = site
  await serveOldPairs(mail)
  for (const machine of [control, mail]) await machine.write('/root/waxseal.deb', site.deb)
  await control.run('apt-get', 'install', '-y', '/root/waxseal.deb')
  await control.run('systemctl', 'start', 'waxseal-control-plane')
  return site
}

/** Three commands after the package is there, the new certificate is served and the control plane knows. */
export async function installs(t: Test, site: Site): Promise<void> {
  const { mail, control, operate } = site
  await mail.write('/root/ca.pem', await served(() => control.read('/var/lib/waxseal-control-plane/ca.pem')))
  await mail.write('/root/token', (await operate<{ readonly token: string }>('token')).token, 0o600)
  const started = performance.now()

  await mail.run('apt-get', 'install', '-y', '/root/waxseal.deb')
  t.equal(await stateOfUnit(mail), 'inactive', 'nothing runs before the host is enrolled')
  t.equal(await codeCache(mail), '644 root\n'.repeat(3))
  const url = 'https://certs.example.net:8443'
  await mail.run('waxseal', 'enroll', '--url', url, '--ca-file', '/root/ca.pem', '--token-file', '/root/token')
  await mail.run('systemctl', 'start', 'waxseal')

  await addTarget(site, 'mail-postfix', postfixTarget)
  const job = await finished(site, await request(site, 'mail-postfix'))
  t.match(job, { status: 'Completed', outcome: { outcome: 'deployed' } })
  t.equal(await servedOn(mail, 25, 'smtp'), job.outcome?.certificate.sha256)
  t.equal(await mail.run('stat', '-c', '%a %U %G', '/etc/postfix/certs/key.pem'), '640 root mail\n')
  t.comment(`from the package's file to the served certificate: ${Math.round(performance.now() - started)} ms`)
  t.equal(await mail.run('ps', '-o', 'user=', '-p', await mainPidOf(mail, 'waxseal')), 'waxseal\n')
  // Nobody else looks at the other half: it ends by itself, and is rung again by the next work.
  await mail.run('sh', '-c', 'while systemctl is-active --quiet waxseal-deploy; do sleep 0.2; done')
  t.equal(await mail.run('systemctl', 'show', '-P', 'Result', 'waxseal-deploy'), 'success\n')
  t.match(await mail.run('waxseal', 'status'), /running, ready[\s\S]*mail-postfix +postfix +healthy/)
  const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'] as const
  t.match(await mail.run(...asNobody, 'waxseal', 'status'), /running, ready[\s\S]*mail-postfix +postfix +healthy/)
}

/** The sandbox of the agent is as tight as the docs say. */
export async function isAsTightAsTheDocsSay(t: Test, { mail }: Site): Promise<void> {
  const exposure = async (unit: string): Promise<number> =>
    Number(/exposure level for \S+: ([\d.]+)/.exec(await mail.run('systemd-analyze', 'security', unit))?.[1])

  t.ok((await exposure('waxseal')) <= 1.5)
  t.ok((await exposure('waxseal-deploy')) <= 2.8)
  t.ok((await exposure('waxseal-control-plane')) <= 1.1)
  t.ok((await exposure('waxseal-acme')) <= 0.5)
  const dropIn = '/etc/systemd/system/waxseal-deploy.service.d/capabilities.conf'
  const fewer = 'CapabilityBoundingSet=\nCapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE\n'
  await mail.write(dropIn, `[Service]\n${fewer}`)
  await mail.run('systemctl', 'daemon-reload')
  t.ok((await exposure('waxseal-deploy')) <= 2.5, 'where Postfix is reloaded by systemctl')
  await mail.run('rm', dropIn)
  await mail.run('systemctl', 'daemon-reload')
}

/** A restart waits for the deployment that is under way. Adds the target `mail-dovecot`, whose check can be held. */
export async function restarts(t: Test, site: Site): Promise<void> {
  const { mail } = site
  await addTarget(site, 'mail-dovecot', heldTarget)
  await mail.write('/etc/waxseal/waxseal.yaml', `${await mail.read('/etc/waxseal/waxseal.yaml')}${quickConfig}`)
  await mail.run('systemctl', 'restart', 'waxseal')
  const log = await mail.follow()
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await log.waitFor(/"step":"commit"/)

  const restarted = mail.run('systemctl', 'restart', 'waxseal')

  await log.waitFor(/draining/)
  await release(mail)
  await log.waitFor(/"step":"settle"/)
  await log.waitFor(/agent ends/)
  await log.waitFor(/agent starts/)
  await restarted
  await log.close()
  await servesWhatIsReported(t, site, certificate)
}

/** An upgrade in the middle of a deployment lets it finish, and the new version goes on. */
export async function isUpgraded(t: Test, site: Site): Promise<void> {
  const { mail } = site
  await mail.run('dpkg-deb', '-R', '/root/waxseal.deb', '/root/next')
  await mail.run('sed', '-i', 's/^Version: .*/&+next/', '/root/next/DEBIAN/control')
  await mail.run('dpkg-deb', '-Znone', '-b', '/root/next', '/root/next.deb')
  const log = await mail.follow()
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await log.waitFor(/"step":"commit"/)

  const upgraded = mail.run('dpkg', '-i', '/root/next.deb')

  await log.waitFor(/draining/)
  await release(mail)
  await log.waitFor(/"step":"settle"/)
  await log.waitFor(/agent starts/)
  await upgraded
  await log.close()
  t.equal(await codeCache(mail), '644 root\n'.repeat(3))
  await servesWhatIsReported(t, site, certificate)
}

/** A removal keeps state and configuration; a purge removes both and leaves what is served. */
export async function isRemoved(t: Test, { mail }: Site): Promise<void> {
  const before = await servedOn(mail, 993)
  await mail.run('apt-get', 'remove', '-y', 'waxseal')
  t.equal(
    await mail.run('ls', '/etc/waxseal/waxseal.yaml', '/etc/waxseal/credential'),
    '/etc/waxseal/credential\n/etc/waxseal/waxseal.yaml\n',
  )
  await t.rejects(mail.run('ls', '-d', '/usr/lib/waxseal'), 'what was made at the installation is gone, too')

  await mail.run('apt-get', 'purge', '-y', 'waxseal')

  await t.rejects(mail.run('ls', '-d', '/etc/waxseal'))
  await t.rejects(mail.run('ls', '-d', '/var/lib/waxseal'))
  await t.rejects(mail.run('ls', '-d', '/var/lib/waxseal-view'))
  await mail.run('systemctl', 'restart', 'dovecot')
  t.equal(await servedOn(mail, 993), before)
}

/** What the package makes of its programs when it is configured. */
export async function codeCache(mail: Machine): Promise<string> {
  const files = ['waxseal', 'courier', 'deployer'].map((name) => `/usr/lib/waxseal/${name}.code`)
  return mail.run('stat', '-c', '%a %U', ...files)
}

/** `active`, `inactive`. */
export async function stateOfUnit(mail: Machine): Promise<string> {
  return (await mail.run('sh', '-c', 'systemctl is-active waxseal || true')).trim()
}

/** The main process of a unit. */
async function mainPidOf(mail: Machine, unit: string): Promise<string> {
  return (await mail.run('systemctl', 'show', '-P', 'MainPID', unit)).trim()
}

/** A file that another process is about to make. */
async function served(read: () => Promise<string>): Promise<string> {
  return read().catch(() => served(read))
}
