import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { pairPathsIn, startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { inspect } from '../../../src/deployer/inspect.ts'
import {
  freePorts,
  makeFolder,
  makeTemporaryFolder,
  removeTree,
  writeText,
} from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { servedLeaf } from '../../support/served-leaf.ts'

const root = await makeAuthority()
const authority = await root.intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })

async function folder(t: Test): Promise<string> {
  const dir = await makeTemporaryFolder('waxseal-judgement-')
  t.teardown(() => removeTree(dir))
  return dir
}

async function postfix(
  t: Test,
  settings: (dir: string) => { readonly main?: string; readonly master?: string },
  more: readonly [number, string][] = [],
) {
  const dir = await folder(t)
  await writeText(join(dir, 'hide.cidr'), '127.0.0.0/8 starttls\n')
  const first = await issue()
  const daemon = await startPostfix(dir, first, pairPathsIn(dir), settings(dir))
  t.teardown(() => daemon.stop())
  const engine = await openTestEngine(dir, [daemon.check.join(' '), daemon.reload.join(' ')], { dane: 'off' })
  const endpoints = [...daemon.ports, ...more.map(([port, protocol]) => ({ port, protocol }))].map(
    ({ port, protocol }) => ({
      endpoint: `127.0.0.1:${port}`,
      protocol,
    }),
  )
  return { dir, first, daemon, engine, endpoints }
}

const skipPostfix = { skip: unlessInstalled('postfix') }

t.test('a port of Postfix that hides STARTTLS from this host does not decide, and is named', skipPostfix, async (t) => {
  const [hidden = 0] = await freePorts(1)
  const master = (dir: string): string =>
    `${hidden} inet n - n - - smtpd\n  -o smtpd_discard_ehlo_keyword_address_maps=cidr:${dir}/hide.cidr\n`
  const { daemon, engine, endpoints } = await postfix(t, (dir) => ({ master: master(dir) }), [[hidden, 'smtp']])
  const pair = await issue()

  const outcome = await deployPair(engine, daemon, pair, { endpoints })

  t.match(outcome, { outcome: 'deployed', proven: true, code: null, message: /^Deployed, and seen on 3 of 4 probes/ })
  t.match(outcome.probes[3], { ok: false, decides: false, error: /does not offer STARTTLS/ })
  t.match(outcome.warnings.at(-1), new RegExp(`smtp 127.0.0.1:${hidden} .*failed in the same way before`))
  t.ok((outcome.probes[3]?.attempts ?? 8) < 8, 'its schedule is not used up')
  t.same(
    await leavesOf(daemon),
    daemon.ports.map(() => pair.sha256),
  )
  const record = await engine.records.get('postfix')
  t.match(record, { proven: true })
  if (record !== null) t.match(await inspect(record, engine, { withCheck: false }), { valid: true, reasons: [] })
})

t.test('where every port hides STARTTLS from this host, the deployment is unproven', skipPostfix, async (t) => {
  const { daemon, engine, endpoints, dir } = await postfix(t, () => ({}))
  await writeText(join(dir, 'etc', 'hidden'), '')
  await runOrThrow([
    'postconf',
    '-c',
    join(dir, 'etc'),
    '-e',
    `smtpd_discard_ehlo_keyword_address_maps = cidr:${dir}/hide.cidr`,
  ])
  await runOrThrow([...daemon.reload])
  const target = {
    endpoints: endpoints.slice(0, 2),
    post_deploy_verify_attempts: 3,
    post_deploy_verify_backoff: '20ms',
  }

  const outcome = await deployPair(engine, daemon, await issue(), target)

  t.match(outcome, { outcome: 'deployed', host: 'changed', proven: false, message: /unproven/ })
  t.equal(outcome.warnings.filter((warning) => warning.includes('failed in the same way before')).length, 2)
  t.ok(outcome.probes.every(({ attempts, decides }) => attempts === 3 && decides === false))
  t.match(await engine.records.get('postfix'), { proven: false })
  t.match(await engine.history.read(), [{ outcome: 'deployed', proven: false }])
})

t.test('a port that failed before and shows the new leaf is a proof', skipPostfix, async (t) => {
  const { daemon, engine, endpoints, first } = await postfix(t, () => ({}))
  await writeText(daemon.keyPath, (await issue()).keyPem, 0o600)
  await runOrThrow([...daemon.reload])
  t.not((await leavesOf(daemon))[0], first.sha256)

  const outcome = await deployPair(engine, daemon, await issue(), { endpoints })

  t.match(outcome, { outcome: 'deployed', proven: true, message: 'Deployed, and seen on 3 of 3 probes.', warnings: [] })
})

t.test('a port that failed before, and after the switch in another way, decides', skipPostfix, async (t) => {
  const [port = 0] = await freePorts(1)
  const { daemon, engine, endpoints, first, dir } = await postfix(t, () => ({}), [[port, 'smtp']])
  const etc = join(dir, 'etc')
  const appears = join(dir, 'appears')
  await writeText(
    appears,
    `#!/bin/sh\npostconf -c ${etc} -M -e '${port}/inet=${port} inet n - n - - smtpd -o smtpd_tls_security_level=none'\nexec postfix -c ${etc} reload\n`,
  )
  await runOrThrow(['chmod', '755', appears])
  const allowed = await openTestEngine(dir, [daemon.check.join(' '), appears], { dane: 'off' })

  const outcome = await deployPair(allowed, daemon, await issue(), {
    endpoints,
    reload_command: appears,
    post_deploy_verify_attempts: 2,
  })

  t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED', proven: false })
  t.match(outcome.message, new RegExp(`127.0.0.1:${port} .*: capabilities: the server does not offer STARTTLS`))
  t.same(
    await leavesOf(daemon),
    daemon.ports.map(() => first.sha256),
  )
  t.ok(engine)
})

t.test('a leaf that was served before it was activated is told as no proof of the reload', skipPostfix, async (t) => {
  const { daemon, engine, endpoints, first } = await postfix(t, () => ({}))
  const pair = await issue()
  await writeText(daemon.certPath, pair.certificatePem)
  await writeText(daemon.keyPath, pair.keyPem, 0o600)
  await runOrThrow([...daemon.reload])
  t.same((await leavesOf(daemon))[0], pair.sha256)
  await writeText(daemon.certPath, first.certificatePem)
  await writeText(daemon.keyPath, first.keyPem, 0o600)

  const outcome = await deployPair(engine, daemon, pair, { endpoints: endpoints.slice(0, 1) })

  t.match(outcome, { outcome: 'deployed', proven: true })
  t.match(outcome.warnings.at(-1), /served the new leaf before it was activated/)
})

t.test(
  'Dovecot that has no TLS for this host is deployed to, unproven',
  { skip: unlessInstalled('dovecot') },
  async (t) => {
    const dir = await folder(t)
    const daemon = await startDovecot(dir, await issue())
    t.teardown(() => daemon.stop())
    await runOrThrow(['sh', '-c', `printf 'remote 127.0.0.0/8 {\\n  ssl = no\\n}\\n' >> ${dir}/dovecot.conf`])
    await runOrThrow([...daemon.reload])
    const engine = await openTestEngine(dir, [daemon.check.join(' '), daemon.reload.join(' ')], { dane: 'off' })
    const endpoints = daemon.ports
      .filter(({ protocol }) => protocol !== 'tls')
      .map(({ port, protocol }) => ({ endpoint: `127.0.0.1:${port}`, protocol }))

    const outcome = await deployPair(engine, daemon, await issue(), { endpoints, post_deploy_verify_attempts: 2 })

    t.match(outcome, { outcome: 'deployed', proven: false, probes: [{ decides: false }, { decides: false }] })
  },
)

interface Nginx {
  readonly port: number
  readonly config: string
  readonly command: readonly [string, ...string[]]
}

/** A private nginx below `dir` that reads the chain file of the folder. */
async function startNginx(t: Test, dir: string, port: number, pair: TestPair, pem: string): Promise<Nginx> {
  await makeFolder(dir)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${dir}/${name};`,
  )
  await writeText(join(dir, 'cert.pem'), pem)
  await writeText(join(dir, 'key.pem'), pair.keyPem, 0o600)
  const config = join(dir, 'nginx.conf')
  await writeText(
    config,
    `user root;
pid ${dir}/nginx.pid;
worker_processes 2;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port} ssl reuseport;
    ssl_certificate ${dir}/cert.pem;
    ssl_certificate_key ${dir}/key.pem;
  }
}
`,
  )
  const command = ['nginx', '-p', dir, '-c', config, '-e', join(dir, 'error.log')] as const
  await runOrThrow(command)
  t.teardown(() => runOrThrow([...command, '-s', 'quit']))
  return { port, config, command }
}

async function deployNginx(
  dir: string,
  { port, command }: Nginx,
  pair: TestPair,
  changes: object = {},
): Promise<Outcome> {
  const [check, reload] = [[...command, '-t'].join(' '), [...command, '-s', 'reload'].join(' ')]
  const engine = await openTestEngine(dir, [check, reload], { unread_paths: 'warn' })
  const config = {
    cert_path: join(dir, 'cert.pem'),
    key_path: join(dir, 'key.pem'),
    validate_command: check,
    reload_command: reload,
    endpoints: [`127.0.0.1:${port}`],
    ...changes,
  }
  const { certificatePem, chainPem } = pair
  const request = {
    target: 'web',
    connector: 'NGINX',
    config,
    certificatePem,
    chainPem,
    findKey: async () => pair.keyPem,
  }
  return deploy(request, engine)
}

const skipNginx = { skip: unlessInstalled('nginx') }

t.test('a chain that was served before and is missing after the switch is rolled back', skipNginx, async (t) => {
  const dir = await folder(t)
  const [port = 0] = await freePorts(1)
  const first = await issue()
  const nginx = await startNginx(t, dir, port, first, first.certificatePem + first.chainPem)

  const apart = await deployNginx(dir, nginx, await issue(), { chain_path: join(dir, 'chain.pem') })
  const served = await servedLeaf({ port, protocol: 'tls' })
  const whole = await deployNginx(dir, nginx, await issue())

  t.match(apart, {
    outcome: 'rolled-back',
    host: 'restored',
    code: 'VERIFY_FAILED',
    probes: [{ chain: 'missing', ok: false }],
  })
  t.match(apart.message, /without its chain, and one was served before/)
  t.equal(served, first.sha256)
  t.match(whole, { outcome: 'deployed', warnings: [], probes: [{ chain: 'complete' }] })
})

t.test('a chain that was not served before, either, is told in a warning', skipNginx, async (t) => {
  const dir = await folder(t)
  const [port = 0] = await freePorts(1)
  const first = await issue()
  const nginx = await startNginx(t, dir, port, first, first.certificatePem)

  const outcome = await deployNginx(dir, nginx, await issue(), { chain_path: join(dir, 'chain.pem') })

  t.match(outcome, { outcome: 'deployed', proven: true, probes: [{ ok: true, chain: 'missing' }] })
  t.match(outcome.warnings, [/serves the leaf without its chain: clients that do not know the intermediate/])
})

t.test('two masters on one port are not proven by three looks that agree', skipNginx, async (t) => {
  const dir = await folder(t)
  const [port = 0] = await freePorts(1)
  const first = await issue()
  const nginx = await startNginx(t, join(dir, 'one'), port, first, first.certificatePem + first.chainPem)
  await startNginx(t, join(dir, 'two'), port, first, first.certificatePem + first.chainPem)

  const outcome = await deployNginx(join(dir, 'one'), nginx, await issue())

  t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED' })
  // From the 40th look on, the first that disagrees is the last; twenty in a row that agree would have been a proof.
  t.match(outcome.message, /\d+ % of [45]\d looks saw another leaf/)
})

t.test('the reloads of one nginx are all proven', skipNginx, async (t) => {
  const dir = await folder(t)
  const [port = 0] = await freePorts(1)
  const first = await issue()
  const nginx = await startNginx(t, dir, port, first, first.certificatePem + first.chainPem)

  for (let count = 0; count < 10; count += 1) {
    const outcome = await deployNginx(dir, nginx, await issue())
    t.match(outcome, { outcome: 'deployed', proven: true, warnings: [] }, JSON.stringify(outcome.probes))
  }
})
