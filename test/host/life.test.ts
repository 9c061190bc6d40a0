import t from 'tap'
import { answersAfterBoot, answersChallenges, endsWhenIdle } from './support/acme-steps.ts'
import { hold, release } from './support/mail-host.ts'
import { ownAddress } from './support/network.ts'
import { request, servesWhatIsReported } from './support/operator.ts'
import {
  codeCache,
  installs,
  isAsTightAsTheDocsSay,
  isRemoved,
  isUpgraded,
  openSiteBeforeInstallation,
  restarts,
  stateOfUnit,
} from './support/steps.ts'

const site = await openSiteBeforeInstallation('bookworm', ownAddress)
t.teardown(() => site.close())
const { mail } = site

await t.test(
  'three commands after the package is there, the new certificate is served and the control plane knows',
  (t) => installs(t, site),
)

await t.test('the sandbox of the agent is as tight as the docs say', (t) => isAsTightAsTheDocsSay(t, site))

await t.test('a restart waits for the deployment that is under way', (t) => restarts(t, site))

await t.test(
  'a CA that asks at port 80 gets the answer, from a program without rights that the enabled socket starts',
  (t) => answersChallenges(t, site, ownAddress),
)

await t.test('a killed deployer is started again, puts the half deployment back and does it once more', async (t) => {
  const log = await mail.follow()
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await log.waitFor(/"step":"commit"/)

  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'waxseal-deploy')

  await release(mail)
  t.match(await log.waitFor(/recovered/), /put back|finished/)
  await log.close()
  await servesWhatIsReported(t, site, certificate, /^(deployed|unchanged)$/)
})

await t.test('a killed courier is started again, and what the deployer had done meanwhile arrives', async (t) => {
  const log = await mail.follow()
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await log.waitFor(/"step":"commit"/)

  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'waxseal')

  await log.waitFor(/agent starts/)
  await release(mail)
  await log.close()
  await servesWhatIsReported(t, site, certificate)
})

await t.test('a thousand rings in a row do not stop the socket that starts the deployer', async (t) => {
  await mail.write(
    '/root/ring.cjs',
    `const { connect } = require('node:net')
const ring = (left) => left === 0 || connect('/run/waxseal/deploy.sock').on('error', () => {}).on('close', () => ring(left - 1)).end()
ring(1000)`,
  )
  const asCourier = ['setpriv', '--reuid=waxseal', '--regid=waxseal', '--clear-groups'] as const
  await mail.run(...asCourier, '/usr/lib/waxseal/node', '-e', await mail.read('/root/ring.cjs'))

  t.equal(await mail.run('systemctl', 'is-active', 'waxseal-deploy.socket'), 'active\n')
  await servesWhatIsReported(t, site, await request(site, 'mail-dovecot'))
})

await t.test('halves that hang are ended by their watchdogs and started again, and the job is done', async (t) => {
  const units = ['waxseal', 'waxseal-deploy'] as const
  for (const unit of units)
    await mail.write(`/etc/systemd/system/${unit}.service.d/watchdog.conf`, '[Service]\nWatchdogSec=12\n')
  await mail.run('systemctl', 'daemon-reload')
  await mail.run('systemctl', 'restart', 'waxseal')
  // One that was started before would have its longer watchdog on; the socket starts the next.
  await mail.run('systemctl', 'stop', 'waxseal-deploy.service')
  const logs = { courier: await mail.follow(), deployer: await mail.follow() }
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await logs.deployer.waitFor(/"step":"commit"/)

  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGSTOP', ...units)

  await logs.deployer.waitFor(/waxseal-deploy\.service: Watchdog timeout/)
  await release(mail)
  t.match(await logs.deployer.waitFor(/recovered/), /put back|finished/)
  await logs.courier.waitFor(/waxseal\.service: Watchdog timeout/)
  await logs.courier.waitFor(/agent starts/)
  for (const log of Object.values(logs)) await log.close()
  await servesWhatIsReported(t, site, certificate, /^(deployed|unchanged)$/)
  for (const unit of units) await mail.run('rm', `/etc/systemd/system/${unit}.service.d/watchdog.conf`)
  await mail.run('systemctl', 'daemon-reload')
})

await t.test('what answers a CA has ended when nobody asked for a minute, and the next request starts it again', (t) =>
  endsWhenIdle(t, site),
)

await t.test(
  'after a power cut in the middle of a deployment the host recovers at boot and does the job',
  async (t) => {
    const log = await mail.follow()
    await hold(mail)
    const certificate = await request(site, 'mail-dovecot')
    await log.waitFor(/"step":"commit"/)

    await mail.cutPower()
    await log.close()
    await mail.boot()

    await servesWhatIsReported(t, site, certificate, /^(deployed|unchanged)$/)
    t.match(
      await mail.run('journalctl', '-b', '-o', 'cat', '-u', 'waxseal-deploy'),
      /"did":"(put back|finished)".*recovered/,
    )
  },
)

await t.test('after a boot port 80 is answered again', (t) => answersAfterBoot(t))

await t.test('a result whose deployment ends while the cable is out arrives later', async (t) => {
  const log = await mail.follow()
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await log.waitFor(/"step":"commit"/)

  await mail.cable('down')
  await release(mail)
  await log.waitFor(/"step":"settle"/)
  await log.waitFor(/report put off|poll failed/)
  await mail.cable('up')

  await log.close()
  await servesWhatIsReported(t, site, certificate)
})

await t.test('the journal has the priority of each line', async (t) => {
  const entries = (await mail.run('journalctl', '-b', '-o', 'json', '-t', 'waxseal'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly PRIORITY: string; readonly MESSAGE: string })

  const priorities = entries.map((entry) => {
    const { level, msg } = JSON.parse(entry.MESSAGE) as { readonly level: number; readonly msg: string }
    return `${msg}: ${level} is ${entry.PRIORITY}`
  })
  t.ok(priorities.includes('step: 30 is 6'), 'informational')
  t.ok(
    priorities.some((line) => line.endsWith(': 40 is 4')),
    'a warning',
  )
  t.same(
    priorities.filter((line) => !/: (30 is 6|40 is 4|50 is 3)$/.test(line)),
    [],
  )
})

await t.test('an upgrade in the middle of a deployment lets it finish, and the new version goes on', (t) =>
  isUpgraded(t, site),
)

await t.test('a downgrade keeps state and configuration, and the old version goes on', async (t) => {
  await mail.run('apt-get', 'install', '-y', '--allow-downgrades', '/root/waxseal.deb')

  t.equal(await stateOfUnit(mail), 'active')
  t.equal(await codeCache(mail), '644 root\n'.repeat(3))
  await servesWhatIsReported(t, site, await request(site, 'mail-dovecot'))
})

await t.test('a full state directory takes no job, and the job is done when there is room again', async (t) => {
  await mail.run('systemctl', 'stop', 'waxseal', 'waxseal-deploy.socket', 'waxseal-deploy')
  await mail.run('cp', '-a', '/var/lib/waxseal', '/root/state')
  await mail.run('mount', '-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', '/var/lib/waxseal')
  await mail.run('cp', '-a', '/root/state/.', '/var/lib/waxseal/')
  // The space that the agent has set aside would do for one more job.
  await mail.run('rm', '/var/lib/waxseal/reserve')
  await mail.run('sh', '-c', 'dd if=/dev/zero of=/var/lib/waxseal/fill bs=4k 2>/dev/null || true')
  const log = await mail.follow()
  await mail.run('systemctl', 'start', 'waxseal-deploy.socket', 'waxseal')
  const certificate = await request(site, 'mail-dovecot')
  await log.waitFor(/SPOOL_FULL/)

  await mail.run('rm', '/var/lib/waxseal/fill')

  await log.close()
  await servesWhatIsReported(t, site, certificate)
  await mail.run('systemctl', 'stop', 'waxseal', 'waxseal-deploy.socket', 'waxseal-deploy')
  await mail.run('umount', '/var/lib/waxseal')
})

await t.test('a removal keeps state and configuration; a purge removes both and leaves what is served', (t) =>
  isRemoved(t, site),
)
