import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type DaemonPort, runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { installedDovecot, spelledFor } from '../../../src/demo/mail-host/dovecot-settings.ts'
import { pairPathsIn, startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { deployTogether } from '../../../src/deployer/deploy.ts'
import { makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { startApache, startHaproxy, startNginx } from '../../support/web-daemons.ts'
import { seenBy } from '../connector/wired-host.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const [ecdsa, rsa, nextEcdsa, nextRsa] = await Promise.all([
  authority.issue({ names }),
  authority.issue({ names, keyType: 'rsa' }),
  authority.issue({ names }),
  authority.issue({ names, keyType: 'rsa' }),
])

/** A daemon that serves a pair of each type. */
interface Dual {
  readonly ports: readonly Pick<DaemonPort, 'port' | 'protocol'>[]
  readonly check: string
  readonly reload: string
  /** Where the pair of each type goes. */
  readonly places: Readonly<Record<'ecdsa' | 'rsa', Readonly<Record<string, unknown>>>>
  stop(): Promise<void>
}

const daemons: readonly (readonly [name: string, program: string, start: (dir: string) => Promise<Dual>])[] = [
  ['Postfix', 'postfix', dualPostfix],
  ['Dovecot', 'dovecot', dualDovecot],
  ['NGINX', 'nginx', (dir) => dualWeb(dir, 'nginx')],
  ['Apache', 'apache2', (dir) => dualWeb(dir, 'apache')],
  ['HAProxy', 'haproxy', dualHaproxy],
]

for (const [name, program, start] of daemons) {
  const skip = unlessInstalled(program)

  t.test(
    `${name}: an RSA and an ECDSA pair that come together are one reload, and both are proven`,
    { skip },
    async (t) => {
      const host = await openHost(t, name, start)

      const outcomes = await host.deploy()

      for (const [keyType, { sha256 }] of [
        ['ecdsa', nextEcdsa],
        ['rsa', nextRsa],
      ] as const) {
        const outcome = outcomes.get(keyType)
        t.match(outcome, { outcome: 'deployed', host: 'changed', code: null, proven: true })
        const seen = new Set(outcome?.probes.map((probe) => `${probe.ok} ${probe.keyType} ${probe.seen}`))
        t.same([...seen], [`true ${keyType} ${sha256}`])
      }
      t.equal(await host.reloads(), 1)
      t.same(await host.served(), [nextEcdsa.sha256, nextRsa.sha256])
    },
  )
}

t.test(
  'where one of two pairs is not served, the other is, and the place of the first is as before',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const host = await openHost(t, 'NGINX', (dir) => dualWeb(dir, 'nginx'))
    // Nobody is served the RSA leaf who asks for ECDSA.
    const wrong = {
      endpoints: host.endpoints('ecdsa'),
      post_deploy_verify_attempts: 2,
      post_deploy_verify_backoff: '100ms',
    }

    const outcomes = await host.deploy({ rsa: wrong })

    t.match(outcomes.get('ecdsa'), { outcome: 'deployed', proven: true })
    t.match(outcomes.get('rsa'), { outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED' })
    // What its endpoints do not show nobody has waited for.
    await untilServed(host.port)
    t.same(await host.served(), [nextEcdsa.sha256, rsa.sha256])
  },
)

async function openHost(t: Test, connector: string, start: (dir: string) => Promise<Dual>) {
  const dir = await makeTemporaryFolder('waxseal-dual-')
  t.teardown(() => removeWhenQuiet(dir))
  const daemon = await start(dir)
  t.teardown(() => daemon.stop())
  const [port] = daemon.ports
  if (port === undefined) throw new Error('the daemon has no port')
  const log = join(dir, 'reloads')
  await writeText(log, '')
  const reload = join(dir, 'reload')
  await writeText(reload, `#!/bin/sh\necho >>${log}\nexec ${daemon.reload}\n`)
  await chmod(reload, 0o755)
  const engine = await openTestEngine(dir, [daemon.check, reload], { dane: 'off' })
  const endpoints = (keyType: 'ecdsa' | 'rsa') =>
    daemon.ports.map(({ port, protocol }) => ({ endpoint: `127.0.0.1:${port}`, protocol, key_type: keyType }))
  const orderOf = (
    keyType: 'ecdsa' | 'rsa',
    { certificatePem, chainPem, keyPem }: TestPair,
    changes: object,
    outcomes: Map<string, Outcome>,
  ) => {
    const commands = { validate_command: daemon.check, reload_command: reload }
    const config = { ...daemon.places[keyType], ...commands, endpoints: endpoints(keyType), ...changes }
    return {
      request: { target: keyType, connector, config, certificatePem, chainPem, findKey: async () => keyPem },
      onStep: () => {},
      onOutcome: async (outcome: Outcome) => void outcomes.set(keyType, outcome),
    }
  }
  return {
    endpoints,
    deploy: async (changes: { readonly rsa?: object } = {}) => {
      const outcomes = new Map<string, Outcome>()
      const orders = [orderOf('ecdsa', nextEcdsa, {}, outcomes), orderOf('rsa', nextRsa, changes.rsa ?? {}, outcomes)]
      await deployTogether(orders, engine)
      return outcomes
    },
    reloads: async () => (await readFile(log, 'utf8')).length,
    port,
    served: async () => {
      const at = { host: '127.0.0.1', ...port }
      return [await seenBy(at, 'mail.example.net', 'ecdsa'), await seenBy(at, 'mail.example.net', 'rsa')]
    },
  }
}

async function writeRsa(dir: string): Promise<{ readonly cert_path: string; readonly key_path: string }> {
  const paths = { cert_path: join(dir, 'rsa-cert.pem'), key_path: join(dir, 'rsa-key.pem') }
  await writeText(paths.cert_path, rsa.certificatePem + rsa.chainPem)
  await writeText(paths.key_path, rsa.keyPem, 0o600)
  return paths
}

async function dualPostfix(dir: string): Promise<Dual> {
  const paths = pairPathsIn(dir)
  const second = await writeRsa(dir)
  const main = `smtpd_tls_eccert_file = ${paths.certPath}
smtpd_tls_eckey_file = ${paths.keyPath}
smtpd_tls_cert_file = ${second.cert_path}
smtpd_tls_key_file = ${second.key_path}
`
  const daemon = await startPostfix(dir, ecdsa, paths, { main })
  return dualMail(daemon, second)
}

async function dualDovecot(dir: string): Promise<Dual> {
  const second = await writeRsa(dir)
  const main = `ssl_alt_cert = <${second.cert_path}\nssl_alt_key = <${second.key_path}\n`
  const daemon = await startDovecot(dir, ecdsa, pairPathsIn(dir), spelledFor(await installedDovecot(), main))
  return dualMail(daemon, second)
}

function dualMail(daemon: Awaited<ReturnType<typeof startPostfix>>, second: Dual['places']['rsa']): Dual {
  return {
    ports: daemon.ports,
    check: daemon.check.join(' '),
    reload: daemon.reload.join(' '),
    places: { ecdsa: { cert_path: daemon.certPath, key_path: daemon.keyPath }, rsa: second },
    stop: () => daemon.stop(),
  }
}

/** Its own configuration, with a second pair. */
async function dualWeb(dir: string, name: 'nginx' | 'apache'): Promise<Dual> {
  const second = await writeRsa(dir)
  const { port, target, stop } = await (name === 'nginx' ? startNginx : startApache)(dir, ecdsa)
  const { cert_path, key_path, validate_command: check, reload_command: reload } = target
  const file = join(dir, name === 'nginx' ? 'nginx.conf' : 'httpd.conf')
  const text = await readFile(file, 'utf8')
  const own = `ssl_certificate_key ${String(key_path)};`
  const both = `${own} ssl_certificate ${second.cert_path}; ssl_certificate_key ${second.key_path};`
  const apache = `${text}SSLCertificateFile ${second.cert_path}\nSSLCertificateKeyFile ${second.key_path}\n`
  await writeText(file, name === 'nginx' ? text.replace(own, both) : apache)
  await runOrThrow(String(reload).split(' ') as [string, ...string[]])
  const ports = [{ port, protocol: 'tls' }] as const
  const places = { ecdsa: { cert_path, key_path }, rsa: second }
  await untilServed(ports[0])
  return { ports, check: String(check), reload: String(reload), places, stop }
}

/** HAProxy tells the pairs of one `crt` by the ends of their names. */
async function dualHaproxy(dir: string): Promise<Dual> {
  const { port, target, pid, stop } = await startHaproxy('master_socket')(dir, ecdsa)
  const places = { ecdsa: { pem_path: join(dir, 'both.pem.ecdsa') }, rsa: { pem_path: join(dir, 'both.pem.rsa') } }
  await writeText(places.ecdsa.pem_path, ecdsa.certificatePem + ecdsa.chainPem + ecdsa.keyPem, 0o600)
  await writeText(places.rsa.pem_path, rsa.certificatePem + rsa.chainPem + rsa.keyPem, 0o600)
  const file = join(dir, 'haproxy.cfg')
  await writeText(file, (await readFile(file, 'utf8')).replace('site.pem', 'both.pem'))
  const reload = `kill -USR2 ${await pid()}`
  await runOrThrow(['/bin/kill', '-USR2', String(await pid())])
  const ports = [{ port, protocol: 'tls' }] as const
  await untilServed(ports[0])
  return { ports, check: String(target['validate_command']), reload: `/bin/${reload}`, places, stop }
}

/** Its reload is over when it serves the second pair, too. */
async function untilServed(port: Pick<DaemonPort, 'port' | 'protocol'>): Promise<void> {
  while ((await seenBy({ host: '127.0.0.1', ...port }, 'mail.example.net', 'rsa')) !== rsa.sha256);
}
