import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { type Environment, loadConfig } from '../../../src/config/load-config.ts'
import { type ErrorDetails, WaxsealError } from '../../../src/error/waxseal-error.ts'

t.test('an empty file is a configuration with every default', async (t) => {
  const { targetsDir, ...config } = await load(t, '')

  t.match(targetsDir, /\/targets$/)
  t.same(config, {
    hostTargets: { targets: [], broken: [] },
    controlPlane: null,
    stateDir: '/var/lib/waxseal',
    keyDir: null,
    foreignKeyDir: null,
    discovery: { folders: [] },
    pollIntervalMs: 30_000,
    pollWaitMs: 30_000,
    heartbeatIntervalMs: 60_000,
    parallelServices: 4,
    instances: [],
    connectors: [],
    status: { host: '127.0.0.1', port: 9780 },
    policy: {
      roots: ['/etc/postfix', '/etc/dovecot'],
      folders: [],
      commands: [],
      names: null,
      probes: [],
      passwordDir: '/etc/waxseal/passwords',
      unreadPaths: 'warn',
      uncoveredNames: 'warn',
      unrelatedNames: 'refuse',
      worse: 'refuse',
      missingChain: 'refuse',
      keyType: 'refuse',
      newKeys: ['p256', 'p384', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519'],
      unfit: 'refuse',
      dane: 'warn',
      look: null,
      targets: 'open',
      acme: { http: null, own: null },
      orders: null,
      owners: ['ssl-cert'],
      resolvers: [],
    },
    timeouts: { checkMs: 30_000, activateMs: 60_000 },
    notify: null,
    mtaSts: { domains: null },
    driftWatch: 'hourly',
    logLevel: 'info',
  })
})

t.test('what the file says wins over the defaults', async (t) => {
  const text = `
    control_plane: {url: "https://a.example:8443/", ca_file: /ca.pem, agent_id: a-1, agent_name: mx, credential_file: /c}
    state_dir: /srv/waxseal
    poll_interval: 1m30s
    heartbeat_interval: 2000000000
    policy: {roots: [/srv], commands: [true], names: ["*.example.net"], probes: [192.0.2.0/24, "2001:db8::/32", mx]}
    timeouts: {check: 500ms, activate: 2m}
    log_level: debug`

  t.match(await load(t, text.replace('[true]', '["true"]')), {
    controlPlane: { url: 'https://a.example:8443', caFile: '/ca.pem', agentId: 'a-1', agentName: 'mx' },
    stateDir: '/srv/waxseal',
    pollIntervalMs: 90_000,
    heartbeatIntervalMs: 2000,
    policy: { roots: ['/srv'], commands: ['true'], names: ['*.example.net'] },
    timeouts: { checkMs: 500, activateMs: 120_000 },
    logLevel: 'debug',
  })
})

t.test('WAXSEAL_* wins over CERTCTL_*, and that over the file', async (t) => {
  const text = 'control_plane: {url: "https://file.example", agent_id: file}\nlog_level: error'
  const certctl = {
    CERTCTL_SERVER_URL: 'https://certctl.example',
    CERTCTL_AGENT_ID: 'certctl',
    CERTCTL_LOG_LEVEL: 'WARN',
  }
  const waxseal = {
    WAXSEAL_SERVER_URL: 'https://waxseal.example',
    WAXSEAL_AGENT_ID: 'waxseal',
    WAXSEAL_LOG_LEVEL: 'debug',
  }

  const seen: Config[] = []
  for (const env of [{}, certctl, { ...certctl, ...waxseal }]) seen.push(await load(t, text, env))

  t.same(
    seen.map(({ controlPlane, logLevel }) => [controlPlane?.url, controlPlane?.agentId, logLevel]),
    [
      ['https://file.example', 'file', 'error'],
      ['https://certctl.example', 'certctl', 'warn'],
      ['https://waxseal.example', 'waxseal', 'debug'],
    ],
  )
})

t.test('the folders of a discovery are read, with commas between them', async (t) => {
  t.same((await load(t, '', { CERTCTL_DISCOVERY_DIRS: '/etc/ssl, /srv/tls,,' })).discovery.folders, [
    '/etc/ssl',
    '/srv/tls',
  ])
  t.same((await load(t, '', {})).discovery.folders, [])
})

t.test('an empty variable is as good as none', async (t) => {
  const env = { WAXSEAL_KEY_DIR: '', CERTCTL_KEY_DIR: '/keys', WAXSEAL_AGENT_NAME: '' }

  t.match(await load(t, '', env), { keyDir: null, foreignKeyDir: '/keys' })
  t.match(await load(t, '', { ...env, WAXSEAL_KEY_DIR: '/own' }), { keyDir: '/own', foreignKeyDir: '/keys' })
})

t.test('an agent.env alone makes a control plane', async (t) => {
  const env = {
    CERTCTL_SERVER_URL: 'https://a.example/',
    CERTCTL_SERVER_CA_BUNDLE_PATH: '/ca.pem',
    CERTCTL_AGENT_NAME: 'mx',
  }

  t.match((await load(t, '', env)).controlPlane, {
    url: 'https://a.example',
    caFile: '/ca.pem',
    agentId: null,
    agentName: 'mx',
    credentialFile: null,
  })
})

t.test('the configuration is frozen, deeply', async (t) => {
  const config = await load(t, 'control_plane: {url: "https://a.example"}')

  for (const part of [
    config,
    config.controlPlane,
    config.policy,
    config.policy.roots,
    config.timeouts,
    config.status,
  ]) {
    t.ok(Object.isFrozen(part))
  }
})

t.test('the status endpoint listens on loopback, on a socket, or not at all', async (t) => {
  const listen = async (value: string): Promise<unknown> =>
    load(t, `status: {listen: ${JSON.stringify(value)}}`).then(
      ({ status }) => status,
      (error: WaxsealError) => error.details['path'],
    )

  t.same(await listen('127.0.0.2:1'), { host: '127.0.0.2', port: 1 })
  t.same(await listen('[::1]:9780'), { host: '::1', port: 9780 })
  t.same(await listen('localhost:9780'), { host: 'localhost', port: 9780 })
  t.same(await listen('unix:/run/waxseal/status.sock'), { socket: '/run/waxseal/status.sock' })
  t.equal(await listen('off'), null)
  for (const value of ['0.0.0.0:9780', '192.0.2.1:9780', ':9780', '127.0.0.1', '127.0.0.1:65536', 'unix:a.sock', '']) {
    t.equal(await listen(value), 'status.listen', value)
  }
})

t.test('a missing file is an error only where it was named', async (t) => {
  const file = join(t.testdir(), 'missing.yaml')

  t.match(await detailsOf(loadConfig({ file, env: {} })), { file, path: '', reason: /no such file/, hint: /--config/ })
})

t.test('a file that is too large is refused, and so is a folder', async (t) => {
  const folder = t.testdir()

  t.match(await refused(t, `# ${'x'.repeat(1024 * 1024)}`), { path: '', reason: /larger than/ })
  t.match(await detailsOf(loadConfig({ file: folder, env: {} })), { file: folder, hint: /--config/ })
})

t.test('a YAML error names its line and column', async (t) => {
  t.match(await refused(t, 'state_dir: /a\npolicy: {roots: [/a}\n'), { path: 'line 2, column 20', hint: /YAML/ })
  t.match(await refused(t, 'a: b: c'), { path: 'line 1, column 4' })
  t.match(await refused(t, '--- {}\n--- {}'), { path: 'line 2, column 1' })
})

t.test('a duplicate key is refused', async (t) => {
  const details = await refused(t, 'state_dir: /a\nstate_dir: /b\n')

  t.match(details, { path: 'line 2, column 1', reason: /unique/ })
})

t.test('an alias bomb is refused, and so are an alias to nothing and a depth without end', async (t) => {
  const levels = Array.from(
    { length: 20 },
    (_, level) => `l${level + 1}: &l${level + 1} [*l${level},*l${level},*l${level}]`,
  )

  t.match(await refused(t, `l0: &l0 [x]\n${levels.join('\n')}`), { reason: /alias/, hint: /aliases/ })
  t.match(await refused(t, 'state_dir: *nowhere'), { reason: /alias/i, hint: /aliases/ })
  t.match(await refused(t, '['.repeat(100_000)), { path: /line 1/ })
})

t.test('an unknown key is refused with its place and the nearest known key', async (t) => {
  t.match(await refused(t, 'pollinterval: 30s'), { path: 'pollinterval', hint: 'Is poll_interval meant?' })
  t.match(await refused(t, 'policy: {command: []}'), { path: 'policy.command', hint: 'Is commands meant?' })
  t.match(await refused(t, 'zzz: 1'), { path: 'zzz', hint: 'docs/configuration.md lists every setting.' })
  t.match(await refused(t, '__proto__: {}'), { path: '__proto__' })
})

t.test('a wrong type is refused with its place in the document', async (t) => {
  const places: Readonly<Record<string, string>> = {
    '- 1': '',
    'policy:': 'policy',
    'state_dir: relative': 'state_dir',
    'policy: {roots: [/a, b]}': 'policy.roots[1]',
    'policy: {names: mail.example.net}': 'policy.names',
    'policy: {commands: [[systemctl, reload]]}': 'policy.commands[0]',
    'control_plane: {agent_id: a}': 'control_plane.url',
    'control_plane: {url: "http://a.example"}': 'control_plane.url',
    'log_level: loud': 'log_level',
    'poll_interval: [30s]': 'poll_interval',
  }

  for (const [text, path] of Object.entries(places)) {
    const details = await refused(t, text)

    t.equal(details['path'], path, text)
    t.match(details, { reason: /./, hint: /./ }, text)
  }
})

t.test('the drift watch is hourly, off, or a cron expression', async (t) => {
  t.equal((await load(t, 'drift_watch: hourly')).driftWatch, 'hourly')
  t.equal((await load(t, 'drift_watch: off')).driftWatch, null)
  t.equal((await load(t, 'drift_watch: "17 3 * * mon-fri"')).driftWatch, '17 3 * * mon-fri')
  t.equal((await load(t, 'drift_watch: "30 */15 22-23 1,L jan *"')).driftWatch, '30 */15 22-23 1,L jan *')
  t.equal((await load(t, 'drift_watch: "@daily"')).driftWatch, '@daily')
})

t.test('a value that its type allows but its meaning does not is refused with its place', async (t) => {
  const places: Readonly<Record<string, string>> = {
    'poll_interval: soon': 'poll_interval',
    'poll_interval: 30': 'poll_interval',
    'heartbeat_interval: 0': 'heartbeat_interval',
    'timeouts: {check: "-1s"}': 'timeouts.check',
    'timeouts: {activate: 100us}': 'timeouts.activate',
    'control_plane: {url: "https://"}': 'control_plane.url',
    'drift_watch: "61 * * * *"': 'drift_watch',
    'drift_watch: "0 0 31 2 *"': 'drift_watch',
    'drift_watch: "0 0 1 1 1#5"': 'drift_watch',
    'drift_watch: "0 0 1 1 * 2030 *"': 'drift_watch',
    'policy: {commands: [postfix reload, "a; b"]}': 'policy.commands[1]',
    'policy: {probes: [192.0.2.0/]}': 'policy.probes[0]',
    'policy: {probes: [mx, 192.0.2.0/33]}': 'policy.probes[1]',
    'policy: {probes: ["2001:db8::/129"]}': 'policy.probes[0]',
    'policy: {probes: [mx/24]}': 'policy.probes[0]',
    'policy: {probes: [192.0.2.0/24/0]}': 'policy.probes[0]',
  }

  for (const [text, path] of Object.entries(places)) {
    const details = await refused(t, text)

    t.equal(details['path'], path, text)
    t.match(details, { reason: /./, hint: /./ }, text)
  }
})

t.test('a control plane from the environment is https, too', async (t) => {
  const details = await refused(t, '', { CERTCTL_SERVER_URL: 'http://a.example' })

  t.match(details, { path: 'control_plane.url', hint: /environment/ })
})

function fileOf(t: Test): string {
  return join(t.testdirName, 'waxseal.yaml')
}

async function load(t: Test, text: string, env: Environment = {}): Promise<Config> {
  t.testdir()
  await writeFile(fileOf(t), text)
  return loadConfig({ file: fileOf(t), env })
}

/** The details of the CONFIG_INVALID that this text meets; they name its file. */
async function refused(t: Test, text: string, env: Environment = {}): Promise<ErrorDetails> {
  const details = await detailsOf(load(t, text, env))
  t.equal(details['file'], fileOf(t))
  return details
}

async function detailsOf(loading: Promise<Config>): Promise<ErrorDetails> {
  return loading.then(
    () => ({ accepted: true }),
    (error: unknown) => {
      if (error instanceof WaxsealError && error.code === 'CONFIG_INVALID') return error.details
      throw error
    },
  )
}

t.test('a folder is named with its owner, and with the group that may write in it', async (t) => {
  const text = 'policy: {folders: {/srv/a: bob, /srv/b: "www-data:tls", /srv/c: 1000}}'

  t.match(await load(t, text), {
    policy: {
      folders: [
        { path: '/srv/a', owner: 'bob', group: null },
        { path: '/srv/b', owner: 'www-data', group: 'tls' },
        { path: '/srv/c', owner: '1000', group: null },
      ],
    },
  })
  for (const wrong of ['srv: bob', '/srv: "bob tls"', '/srv: [bob]', '/srv: "-x"', '/srv: 1.5', '/srv: ":tls"'])
    await t.rejects(load(t, `policy: {folders: {${wrong}}}`), { code: 'CONFIG_INVALID' }, wrong)
})

t.test('a duration that would have this host wait for days is refused, and the limit is named', async (t) => {
  for (const [path, text] of [
    ['timeouts.check', 'timeouts: {check: 2h}'],
    ['timeouts.activate', 'timeouts: {activate: 11m}'],
    ['poll_interval', 'poll_interval: 25h'],
    ['heartbeat_interval', 'heartbeat_interval: 2d'],
  ] as const)
    await t.rejects(load(t, text), { code: 'CONFIG_INVALID', details: { path, hint: /docs\/limits\.md/ } }, path)
  t.match(await load(t, 'timeouts: {check: 10m}'), { timeouts: { checkMs: 600_000 } })
})
