import 'reflect-metadata'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import t from 'tap'
import { makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { type MisbehavingProxy, startProxy } from '../support/misbehaving-proxy.ts'
import { heldTarget, hold, postfixTarget, quickConfig, release, serveOldPairs } from './support/mail-host.ts'
import { addressOf, ownAddress } from './support/network.ts'
import { oldPackage } from './support/old-package.ts'
import { addTarget, finished, type Job, request, servesWhatIsReported } from './support/operator.ts'
import { openSite } from './support/site.ts'
import { stateOfUnit } from './support/steps.ts'

const site = await openSite('bookworm', ownAddress)
const ca = await makeTemporaryFolder('waxseal-upgrade-ca-')
/** On this machine: the agent speaks to the control plane through it, and it answers as it is told to. */
let proxy: MisbehavingProxy | null = null
t.teardown(async () => {
  await proxy?.close()
  await site.close()
  await removeTree(ca)
})
const { mail, control, operate } = site
const dropIn = '/etc/systemd/system/waxseal.service.d/keys.conf'
/** Not the usual one: what the package and its scripts do is for the one that is configured. */
const state = '/srv/waxseal'
const underWay = `until [ -n "$(ls ${state}/journal)" ]; do sleep 0.1; done`

await t.test('version 0.1 is installed, with keys of another agent and a drop-in, and deploys', async (t) => {
  await serveOldPairs(mail)
  await control.write('/root/waxseal.deb', site.deb)
  await mail.write('/root/old.deb', await oldPackage())
  await mail.write('/root/new.deb', site.deb)
  await control.run('apt-get', 'install', '-y', '/root/waxseal.deb')
  await control.run('systemctl', 'start', 'waxseal-control-plane')
  await control.run('sh', '-c', 'until [ -s /var/lib/waxseal-control-plane/ca.pem ]; do sleep 0.1; done')
  for (const name of ['ca.pem', 'ca.key'])
    await writeText(join(ca, name), await control.read(`/var/lib/waxseal-control-plane/${name}`), 0o600)
  const toControlPlane = { target: `https://${addressOf(1)}:8443`, servername: 'certs.example.net' }
  proxy = await startProxy({ ...toControlPlane, address: ownAddress }, ca)
  await mail.write('/root/ca.pem', await control.read('/var/lib/waxseal-control-plane/ca.pem'))
  await mail.write('/root/token', (await operate<{ readonly token: string }>('token')).token, 0o600)
  await mail.run('apt-get', 'install', '-y', '/root/old.deb')
  await mail.run('waxseal', 'enroll', '--url', proxy.url, '--ca-file', '/root/ca.pem', '--token-file', '/root/token')
  // As a careful administrator has it.
  await mail.run(
    'sh',
    '-c',
    `printf 'state_dir: ${state}\\n${quickConfig.replaceAll('\n', '\\n')}' >> /etc/waxseal/waxseal.yaml`,
  )
  await mail.run('chmod', '0600', '/etc/waxseal/waxseal.yaml')
  await mail.run('install', '-d', '-m', '0700', '/srv/keys', state)
  await mail.write('/etc/waxseal/agent.env', 'CERTCTL_KEY_DIR=/srv/keys\n', 0o600)
  await mail.write(dropIn, `[Service]\nEnvironmentFile=/etc/waxseal/agent.env\nReadWritePaths=/srv/keys ${state}\n`)
  await mail.run('systemctl', 'daemon-reload')
  await mail.run('systemctl', 'start', 'waxseal')
  await addTarget(site, 'mail-postfix', postfixTarget)
  await addTarget(site, 'mail-dovecot', heldTarget)

  t.match(await finished(site, await request(site, 'mail-postfix')), { outcome: { outcome: 'deployed' } })
})

await t.test('a result, a request and a refused result that wait at the upgrade are all there after it', async (t) => {
  const first = await finished(site, await request(site, 'mail-postfix'))
  const { seen, misbehave } = requireProxy()
  misbehave(({ path }) => (path.endsWith('/status') ? { status: 422 } : null))
  await request(site, 'mail-postfix')
  await mail.run('sh', '-c', `until [ -n "$(ls ${state}/dead)" ]; do sleep 0.1; done`)
  misbehave(({ path }) => (/\/(status|csr)$/.test(path) ? { status: 503 } : null))
  const { job_id: again } = await operate<{ readonly job_id: string }>(
    'deploy',
    '--certificate',
    first.certificate_id,
    '--target',
    'mail-postfix',
  )
  await mail.run('sh', '-c', `until grep -q '"Completed"' ${state}/outbox/*; do sleep 0.1; done`)
  const wanted = await request(site, 'mail-postfix')
  const requests = (): readonly string[] => seen.flatMap(({ path, body }) => (path.endsWith('/csr') ? [body] : []))
  const before = requests().length
  while (requests().length === before) await mail.run('sleep', '0.1')
  const results = Number(await mail.run('sh', '-c', `ls ${state}/outbox/*.json | wc -l`))

  await mail.run('apt-get', 'install', '-y', '/root/new.deb')

  const waiting = await statusWhere(({ outbox, inbox }) => outbox !== null && inbox !== null)
  t.match(waiting, { outbox: results, inbox: 1, deadLetters: [{ refusal: /422/ }] })
  misbehave(() => null)
  t.match(await endOfJob(again), { status: 'Completed', outcome: { outcome: 'deployed' } })
  t.match(await finished(site, wanted), { status: 'Completed', outcome: { outcome: 'deployed' } })
  const keys = requests().slice(before).map(keyIn)
  t.equal(new Set(keys).size, 1, 'one key, over the upgrade')
  t.match(await statusWhere(({ outbox, inbox }) => outbox === 0 && inbox === 0), { deadLetters: [{}] })
  await mail.run('apt-get', 'install', '-y', '--allow-downgrades', '/root/old.deb')
})

await t.test('an upgrade in the middle of a deployment loses nothing, and both halves go on', async (t) => {
  const kept = ['sh', '-c', `cd ${state} && ls deployments archive keys`] as const
  const before = await mail.run(...kept)
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await mail.run('sh', '-c', underWay)
  const log = await mail.follow()

  const upgraded = mail.run('dpkg', '-i', '/root/new.deb')

  await log.waitFor(/draining/)
  await log.close()
  await release(mail)
  await upgraded
  await servesWhatIsReported(t, site, certificate)
  const after = (await mail.run(...kept)).split('\n')
  t.same(
    before.split('\n').filter((name) => !after.includes(name)),
    [],
  )
  t.equal(await stateOfUnit(mail), 'active')
  t.match(await mail.run('stat', '-c', '%a %U %G', '/etc/waxseal/waxseal.yaml'), '640 root waxseal')
  t.equal(await mail.run('stat', '-c', '%a %U', state), '700 root\n')
  t.match(await mail.run('systemctl', 'cat', 'waxseal-deploy'), /ReadWritePaths=\/srv\/keys \/srv\/waxseal/)
  t.equal(await mail.run('stat', '-c', '%a %U %G', `${state}-view`), '750 root waxseal\n')
  t.match(await finished(site, await request(site, 'mail-postfix')), { outcome: { outcome: 'deployed' } })
  t.match(await mail.run('waxseal', 'check'), /ok +control plane: a heartbeat was answered/)
})

await t.test('a job that a killed agent of 0.1 had begun is ended by the deployer', async (t) => {
  await mail.run('apt-get', 'install', '-y', '--allow-downgrades', '/root/old.deb')
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await mail.run('sh', '-c', underWay)
  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'waxseal')
  await mail.run('systemctl', 'stop', 'waxseal')
  await release(mail)
  await mail.run('apt-get', 'install', '-y', '/root/new.deb')

  await mail.run('systemctl', 'start', 'waxseal')

  await servesWhatIsReported(t, site, certificate, /^(deployed|unchanged)$/)
})

await t.test('the way back ends what a crash left under way first, and 0.1 goes on with the job', async (t) => {
  await hold(mail)
  const certificate = await request(site, 'mail-dovecot')
  await mail.run('sh', '-c', underWay)
  await mail.run('systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'waxseal-deploy')
  await mail.run('systemctl', 'stop', 'waxseal-deploy.socket', 'waxseal-deploy')
  await release(mail)

  await mail.run('apt-get', 'install', '-y', '--allow-downgrades', '/root/old.deb')

  t.equal(await stateOfUnit(mail), 'active')
  t.equal(await mail.run('ls', `${state}/journal`), '')
  await servesWhatIsReported(t, site, certificate, /^(deployed|unchanged)$/)
  t.match(await finished(site, await request(site, 'mail-postfix')), { outcome: { outcome: 'deployed' } })
})

interface Shown {
  readonly outbox: number | null
  readonly inbox: number | null
  readonly deadLetters: readonly { readonly refusal: string }[]
}

/** What `waxseal status` says, once it is so. */
async function statusWhere(isSo: (shown: Shown) => boolean): Promise<Shown> {
  for (;;) {
    const shown = JSON.parse(await mail.run('sh', '-c', 'waxseal status --json || true')) as Shown
    if (isSo(shown)) return shown
  }
}

function requireProxy(): MisbehavingProxy {
  if (proxy === null) throw new Error('there is no proxy yet')
  return proxy
}

async function endOfJob(id: string): Promise<Job> {
  for (;;) {
    const job = await operate<Job>('job', id)
    if (['Completed', 'Failed'].includes(job.status)) return job
  }
}

/** The public key of a request, as it was sent. */
function keyIn(body: string): string {
  const { csr_pem: pem } = JSON.parse(body) as { readonly csr_pem: string }
  return Buffer.from(new x509.Pkcs10CertificateRequest(pem).publicKey.rawData).toString('base64')
}
