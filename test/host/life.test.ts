import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import { postfixTarget, quickConfig, servedOn, serveOldPairs, slowTarget } from './support/mail-host.ts'
import { openSite } from './support/site.ts'

interface Job {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly certificate_id: string
  readonly error: string | null
  readonly outcome: { readonly outcome: string; readonly certificate: { readonly sha256: string } } | null
}

const site = await openSite()
t.teardown(() => site.close())
const { mail, control, operate } = site
await serveOldPairs(mail)
for (const machine of [control, mail]) await machine.write('/root/waxseal.deb', site.deb)
await control.run('apt-get', 'install', '-y', '/root/waxseal.deb')
await control.run('systemctl', 'start', 'waxseal-control-plane')
const enroll = [
  'waxseal',
  'enroll',
  '--url',
  'https://certs:8443',
  '--ca-file',
  '/root/ca.pem',
  '--token-file',
  '/root/token',
] as const
let agent = ''
let slow = ''

await t.test(
  'three commands after the package is there, the new certificate is served and the control plane knows',
  async (t) => {
    await mail.write('/root/ca.pem', await served(() => control.read('/var/lib/waxseal-control-plane/ca.pem')))
    await mail.write('/root/token', (await operate<{ readonly token: string }>('token')).token, 0o600)
    const started = performance.now()

    await mail.run('apt-get', 'install', '-y', '/root/waxseal.deb')
    t.equal(await isActive(), 'inactive', 'nothing runs before the host is enrolled')
    t.equal(await codeCache(), '644 root\n')
    await mail.run(...enroll)
    await mail.run('systemctl', 'start', 'waxseal')

    agent = (await operate<readonly [{ readonly id: string }]>('agents'))[0].id
    const job = await finished(await request(await addTarget('mail-postfix', postfixTarget)))
    t.match(job, { status: 'Completed', outcome: { outcome: 'deployed' } })
    t.equal(await servedOn(mail, 25, 'smtp'), job.outcome?.certificate.sha256)
    t.equal(await mail.run('stat', '-c', '%a %U %G', '/etc/postfix/certs/key.pem'), '640 root mail\n')
    t.comment(`from the package's file to the served certificate: ${Math.round(performance.now() - started)} ms`)
    t.comment(
      (await mail.run('systemd-analyze', 'security', 'waxseal'))
        .split('\n')
        .filter((line) => /^(✗|→)/.test(line))
        .join('\n'),
    )
  },
)

await t.test('the sandbox of the agent is as tight as the docs say', async (t) => {
  const exposure = async (unit: string): Promise<number> =>
    Number(/exposure level for \S+: ([\d.]+)/.exec(await mail.run('systemd-analyze', 'security', unit))?.[1])

  t.ok((await exposure('waxseal')) <= 2.6)
  t.ok((await exposure('waxseal-control-plane')) <= 1.1)
  const dropIn = '/etc/systemd/system/waxseal.service.d/capabilities.conf'
  const fewer = 'CapabilityBoundingSet=\nCapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE\n'
  await mail.write(dropIn, `[Service]\n${fewer}`)
  await mail.run('systemctl', 'daemon-reload')
  t.ok((await exposure('waxseal')) <= 2.3, 'where Postfix is reloaded by systemctl')
  await mail.run('rm', dropIn)
  await mail.run('systemctl', 'daemon-reload')
})

await t.test('a restart waits for the deployment that is under way', async (t) => {
  slow = await addTarget('mail-dovecot', slowTarget)
  await mail.write('/etc/waxseal/waxseal.yaml', `${await mail.read('/etc/waxseal/waxseal.yaml')}${quickConfig}`)
  await mail.run('systemctl', 'restart', 'waxseal')
  const log = await mail.follow('waxseal')
  const certificate = await request(slow)
  await log.waitFor(/"step":"commit"/)

  await mail.run('systemctl', 'restart', 'waxseal')

  await log.waitFor(/draining/)
  await log.waitFor(/"step":"settle"/)
  await log.waitFor(/agent ends/)
  await log.waitFor(/agent starts/)
  await log.close()
  await servesWhatIsReported(t, certificate)
})

await t.test('a killed agent is started again, puts the half deployment back and does it once more', async (t) => {
  const log = await mail.follow('waxseal')
  const certificate = await request(slow)
  await log.waitFor(/"step":"commit"/)

  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'waxseal')

  await log.waitFor(/agent starts/)
  t.match(await log.waitFor(/recovered/), /put back|finished/)
  await log.close()
  await servesWhatIsReported(t, certificate, /^(deployed|unchanged)$/)
})

await t.test('an agent that hangs is ended by the watchdog and started again', async (t) => {
  await mail.write('/etc/systemd/system/waxseal.service.d/watchdog.conf', '[Service]\nWatchdogSec=12\n')
  await mail.run('systemctl', 'daemon-reload')
  await mail.run('systemctl', 'restart', 'waxseal')
  const log = await mail.follow('waxseal')

  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGSTOP', 'waxseal')

  await log.waitFor(/Watchdog timeout/)
  await log.waitFor(/agent starts/)
  await log.close()
  await mail.run('rm', '/etc/systemd/system/waxseal.service.d/watchdog.conf')
  await mail.run('systemctl', 'daemon-reload')
  await servesWhatIsReported(t, await request(slow))
})

await t.test(
  'after a power cut in the middle of a deployment the host recovers at boot and does the job',
  async (t) => {
    const log = await mail.follow('waxseal')
    const certificate = await request(slow)
    await log.waitFor(/"step":"commit"/)

    await mail.cutPower()
    await log.close()
    await mail.boot()

    await servesWhatIsReported(t, certificate, /^(deployed|unchanged)$/)
    t.match(await mail.run('journalctl', '-b', '-o', 'cat', '-u', 'waxseal'), /"did":"(put back|finished)".*recovered/)
  },
)

await t.test('a result whose deployment ends while the cable is out arrives later', async (t) => {
  const log = await mail.follow('waxseal')
  const certificate = await request(slow)
  await log.waitFor(/"step":"commit"/)

  await mail.cable('down')
  await log.waitFor(/"step":"settle"/)
  await log.waitFor(/report put off|poll failed/)
  await mail.cable('up')

  await log.close()
  await servesWhatIsReported(t, certificate)
})

await t.test('the journal has the priority of each line', async (t) => {
  const entries = (await mail.run('journalctl', '-b', '-o', 'json', '-u', 'waxseal', '-t', 'waxseal'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly PRIORITY: string; readonly MESSAGE: string })

  const priorities = entries.map((entry) => {
    const { level, msg } = JSON.parse(entry.MESSAGE) as { readonly level: number; readonly msg: string }
    return `${msg}: ${level} is ${entry.PRIORITY}`
  })
  t.ok(priorities.includes('step: 30 is 6'), 'informational')
  t.ok(priorities.includes('poll failed: 40 is 4'), 'a warning')
  t.same(
    priorities.filter((line) => !/: (30 is 6|40 is 4|50 is 3)$/.test(line)),
    [],
  )
})

await t.test('an upgrade in the middle of a deployment lets it finish, and the new version goes on', async (t) => {
  await mail.run('dpkg-deb', '-R', '/root/waxseal.deb', '/root/next')
  await mail.run('sed', '-i', 's/^Version: .*/&+next/', '/root/next/DEBIAN/control')
  await mail.run('dpkg-deb', '-Znone', '-b', '/root/next', '/root/next.deb')
  // The files are replaced below the running agent; a slow disk must not make the deployment end before the restart.
  await mail.run('dpkg', '--unpack', '/root/next.deb')
  const log = await mail.follow('waxseal')
  const certificate = await request(slow)
  await log.waitFor(/"step":"commit"/)

  await mail.run('dpkg', '--configure', 'waxseal')

  await log.waitFor(/draining/)
  await log.waitFor(/"step":"settle"/)
  await log.waitFor(/agent starts/)
  await log.close()
  t.equal(await codeCache(), '644 root\n')
  await servesWhatIsReported(t, certificate)
})

await t.test('a downgrade keeps state and configuration, and the old version goes on', async (t) => {
  await mail.run('apt-get', 'install', '-y', '--allow-downgrades', '/root/waxseal.deb')

  t.equal(await isActive(), 'active')
  t.equal(await codeCache(), '644 root\n')
  await servesWhatIsReported(t, await request(slow))
})

await t.test('a full state directory takes no job, and the job is done when there is room again', async (t) => {
  await mail.run('systemctl', 'stop', 'waxseal')
  await mail.run('cp', '-a', '/var/lib/waxseal', '/root/state')
  await mail.run('mount', '-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', '/var/lib/waxseal')
  await mail.run('cp', '-a', '/root/state/.', '/var/lib/waxseal/')
  // The space that the agent has set aside would do for one more job.
  await mail.run('rm', '/var/lib/waxseal/reserve')
  await mail.run('sh', '-c', 'dd if=/dev/zero of=/var/lib/waxseal/fill bs=4k 2>/dev/null || true')
  const log = await mail.follow('waxseal')
  await mail.run('systemctl', 'start', 'waxseal')
  const certificate = await request(slow)
  await log.waitFor(/SPOOL_FULL/)

  await mail.run('rm', '/var/lib/waxseal/fill')

  await log.close()
  await servesWhatIsReported(t, certificate)
})

await t.test('a removal keeps state and configuration; a purge removes both and leaves what is served', async (t) => {
  const before = await servedOn(mail, 993)
  await mail.run('apt-get', 'remove', '-y', 'waxseal')
  t.equal(
    await mail.run('ls', '/etc/waxseal/waxseal.yaml', '/etc/waxseal/credential'),
    '/etc/waxseal/credential\n/etc/waxseal/waxseal.yaml\n',
  )
  await t.rejects(mail.run('ls', '-d', '/usr/lib/waxseal'), 'what was made at the installation is gone, too')
  await mail.run('umount', '/var/lib/waxseal')

  await mail.run('apt-get', 'purge', '-y', 'waxseal')

  await t.rejects(mail.run('ls', '-d', '/etc/waxseal'))
  await t.rejects(mail.run('ls', '-d', '/var/lib/waxseal'))
  await mail.run('systemctl', 'restart', 'dovecot')
  t.equal(await servedOn(mail, 993), before)
})

/** What the package makes of its program when it is configured. */
async function codeCache(): Promise<string> {
  return mail.run('stat', '-c', '%a %U', '/usr/lib/waxseal/waxseal.code')
}

async function isActive(): Promise<string> {
  return (await mail.run('sh', '-c', 'systemctl is-active waxseal || true')).trim()
}

async function addTarget(name: string, target: { readonly type: string; readonly config: object }): Promise<string> {
  await control.write('/root/target.json', JSON.stringify(target.config))
  const options = ['--name', name, '--agent', agent, '--type', target.type, '--target-config', '/root/target.json']
  return (await operate<{ readonly id: string }>('add-target', ...options)).id
}

/** Requests a new certificate for a target. Returns its id. */
async function request(target: string): Promise<string> {
  const options = ['--agent', agent, '--cn', 'mail.example.net', '--deploy-to', target]
  return (await operate<{ readonly certificate_id: string }>('request', ...options)).certificate_id
}

/** The deployment of a certificate, when the control plane knows how it ended. */
async function finished(certificate: string): Promise<Job> {
  for (;;) {
    const jobs = await operate<readonly Job[]>('jobs')
    const job = jobs.find(({ type, certificate_id }) => type === 'Deployment' && certificate_id === certificate)
    if (job !== undefined && ['Completed', 'Failed'].includes(job.status)) return operate<Job>('job', job.id)
  }
}

/** Both ports of Dovecot serve what the control plane was told. What a recovery has finished is `unchanged` to the job itself. */
async function servesWhatIsReported(t: Test, certificate: string, outcome = /^deployed$/): Promise<void> {
  const job = await finished(certificate)
  t.match(job, { status: 'Completed', outcome: { outcome } })
  t.equal(await servedOn(mail, 993), job.outcome?.certificate.sha256)
  t.equal(await servedOn(mail, 143, 'imap'), job.outcome?.certificate.sha256)
}

/** A file that another process is about to make. */
async function served(read: () => Promise<string>): Promise<string> {
  return read().catch(() => served(read))
}
