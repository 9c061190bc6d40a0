import t from 'tap'
import { servedOn } from './support/mail-host.ts'
import { addTarget, finished, request } from './support/operator.ts'
import {
  installs,
  isAsTightAsTheDocsSay,
  isRemoved,
  isUpgraded,
  openSiteBeforeInstallation,
  restarts,
} from './support/steps.ts'

const site = await openSiteBeforeInstallation('trixie')
t.teardown(() => site.close())
const { mail } = site
const pair = ['/etc/dovecot/certs/cert.pem', '/etc/dovecot/certs/key.pem'] as const

await t.test('the daemons are those of Debian 13', async (t) => {
  t.match(await mail.run('dovecot', '--version'), /^2\.4\./)
  t.match(await mail.run('postconf', '-h', 'mail_version'), /^3\.10\./)
})

await t.test(
  'three commands after the package is there, the new certificate is served and the control plane knows',
  (t) => installs(t, site),
)

await t.test('the sandbox of the agent is as tight as the docs say', (t) => isAsTightAsTheDocsSay(t, site))

await t.test('a restart waits for the deployment that is under way', (t) => restarts(t, site))

await t.test('without endpoints each listener of both daemons is proven on IPv4 and on IPv6', async (t) => {
  const ports = { Postfix: [25], Dovecot: [110, 143, 993, 995] }
  for (const [type, own] of Object.entries(ports)) {
    await addTarget(site, `every-${type}`, { type, config: {} })

    const { status, outcome } = await finished(site, await request(site, `every-${type}`))

    t.equal(status, 'Completed', type)
    t.same(
      new Map(outcome?.probes.map(({ address, seen }) => [address, seen])),
      new Map(
        own
          .flatMap((port) => [`127.0.0.1:${port}`, `[::1]:${port}`])
          .map((address) => [address, outcome?.certificate.sha256]),
      ),
    )
  }
})

await t.test('a certificate that Dovecot 2.4 does not come to serve is put back', async (t) => {
  const [before, files] = await Promise.all([servedOn(mail, 993), mail.run('sha256sum', ...pair)])
  await mail.write(
    '/etc/waxseal/waxseal.yaml',
    (await mail.read('/etc/waxseal/waxseal.yaml')).replace('commands: [', 'commands: ["true", '),
  )
  await mail.run('systemctl', 'reload', 'waxseal')
  await addTarget(site, 'never-reloaded', { type: 'Dovecot', config: { reload_command: 'true' } })

  const job = await finished(site, await request(site, 'never-reloaded'))

  t.match(job, { status: 'Failed', outcome: { outcome: 'rolled-back', host: 'restored' } })
  t.equal(await mail.run('sha256sum', ...pair), files)
  t.equal(await servedOn(mail, 993), before)
  t.equal(await servedOn(mail, 143, 'imap'), before)
})

await t.test(
  'a line of Dovecot 2.3 has every deployment refused untouched, and check says what is wrong',
  async (t) => {
    const [before, files] = await Promise.all([servedOn(mail, 993), mail.run('sha256sum', ...pair)])
    const conf = '/etc/dovecot/conf.d/99-old.conf'
    await mail.write(conf, 'ssl_cert = </etc/dovecot/certs/cert.pem\n')

    const job = await finished(site, await request(site, 'every-Dovecot'))
    const check = await mail.run('sh', '-c', 'waxseal check; echo "status $?"')

    t.match(job, { status: 'Failed', outcome: { host: 'untouched', code: 'PREFLIGHT_FAILED' } })
    t.notMatch(JSON.stringify(job), /Unknown setting/, 'what commands print stays on the host')
    t.match(check, /Unknown setting: ssl_cert[\s\S]*status 1$/m)
    t.equal(await mail.run('sha256sum', ...pair), files)
    await mail.run('rm', conf)
    t.equal(await servedOn(mail, 993), before)
    t.match(await finished(site, await request(site, 'every-Dovecot')), { outcome: { outcome: 'deployed' } })
  },
)

await t.test('an upgrade in the middle of a deployment lets it finish, and the new version goes on', (t) =>
  isUpgraded(t, site),
)

await t.test('a removal keeps state and configuration; a purge removes both and leaves what is served', (t) =>
  isRemoved(t, site),
)
