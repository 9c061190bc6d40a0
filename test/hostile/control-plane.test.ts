import { once } from 'node:events'
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { makeFolder } from '../../src/host/file/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startHttpsServer } from '../support/https-server.ts'
import { startWaxseal } from '../support/process.ts'
import { runWaxseal } from '../support/run-waxseal.ts'
import { noticesReading } from './support/canaries.ts'
import { type HostileSite, startHostileSite } from './support/hostile-site.ts'

type Fields = Readonly<Record<string, unknown>>

/** A job with these fields; `pair` is where a sound one of the site would be written. */
interface Attack {
  readonly claim: string
  jobs(site: HostileSite, pair: Fields): Promise<readonly Fields[]> | readonly Fields[]
}

const site = await startHostileSite()
t.teardown(() => site.close())
await site.issue()
const { dir, etc, canaries } = site
const secretFile = await canaries.file(join(dir, 'outside/secret'))
const sasl = await canaries.kept(join(etc, 'postfix/sasl_passwd'), `[relay.example.net]:587 user:${canaries.secret}\n`)
const virtual = await canaries.kept(join(etc, 'postfix/virtual'), 'a@example.net b@example.net\n', 0o644)
const program = await canaries.program(join(etc, 'bin/program'))
const evilConfig = await canaries.file(
  join(etc, 'evil/main.cf'),
  `ssl_cert = <${secretFile}\nqueue_directory = \${run{${program}}}\n!include ${secretFile}\n`,
  0o644,
)
const snippet = await canaries.kept(join(etc, 'conf.d/10-ssl.conf'), 'ssl = yes\n', 0o644)
const socket = await canaries.socket(join(etc, 'run/admin.sock'))
const port = await canaries.port()
const other = await canaries.socket(join(dir, 'run/other.sock'))
for (const folder of ['links', 'mixed', 'gen/generations']) await mkdir(join(etc, folder), { recursive: true })
await symlink(secretFile, join(etc, 'links/link.pem'))
await symlink(join(dir, 'outside'), join(etc, 'links/folder'))
await symlink(join(dir, 'nowhere'), join(etc, 'links/dangling.pem'))
await canaries.kept(join(etc, 'mixed/main.cf'), 'a = b\n', 0o644)

const configs = ['Dovecot', 'Exim', 'Postfix'].map(
  (target_type): Attack => ({
    claim: `has ${target_type} read settings of its choice`,
    jobs: (_, pair) => [
      site.deployment({ ...pair, daemon_config: evilConfig }, { target_type }),
      site.deployment(
        { cert_path: pair['cert_path'], key_path: '********', daemon_config: join(etc, 'evil') },
        { target_type },
      ),
      site.deployment({ ...pair, mode: 'dovecot', daemon_config: evilConfig }, { target_type }),
      site.deployment({ ...pair, instance: 'evil' }, { target_type }),
      site.deployment(pair, { target_type, instance: '__proto__' }),
      site.deployment(pair, { target_type, instance: '../evil' }),
    ],
  }),
)

const commands = [
  `postmap -F hash:${sasl}`,
  `postmap -F ${sasl}`,
  program,
  `true ; ${program}`,
  `true $(${program})`,
  `true\n${program}`,
  `sh -c ${program}`,
  'env true',
  './true',
  '../../../bin/true',
  `waxseal:haproxy-load ${socket} ${secretFile}`,
  `waxseal:caddy-reload http://127.0.0.1:${port}`,
  `doveconf -c ${evilConfig}`,
  `nginx -t -c ${evilConfig}`,
] as const

const urls = [
  `http://127.0.0.1:${port}`,
  `http://127.0.0.1:${port}\\@localhost:2019`,
  `http://localhost:2019\\@127.0.0.1:${port}/`,
  `http://127.0.0.1:${port}/?x=`,
  `http://127.0.0.1:${port}/#`,
  `http://localhost:2019@127.0.0.1:${port}/`,
  `http://2130706433:${port}`,
  `http://0x7f.1:${port}`,
  `http://[::ffff:127.0.0.1]:${port}`,
  `http://localhost.:${port}`,
  `http://127.0.0.1.nip.io:${port}`,
  `HTTP://LOCALHOST:${port}/a/../`,
  `unix:${socket}`,
] as const

const places = [
  secretFile,
  sasl,
  virtual,
  program,
  snippet,
  join(etc, 'conf.d/20-new.conf'),
  join(etc, 'links/link.pem'),
  join(etc, 'links/folder/new.pem'),
  join(etc, 'links/dangling.pem'),
  `${etc}/../outside/new.pem`,
  `${etc}//new.pem`,
  `${etc}/./new.pem`,
  etc,
  `${etc}/`,
  `${etc}-other/new.pem`,
  `${etc}/new\n.pem`,
  `${etc}/new\u202e.pem`,
  '/etc/cron.d/waxseal',
  '/proc/self/mem',
  '/dev/null',
  '********',
  'relative.pem',
  `${etc}/${'a'.repeat(300)}`,
  `${etc}/${'a/'.repeat(2000)}b`,
] as const

const attacks: readonly Attack[] = [
  ...configs,
  {
    claim: 'has commands run',
    jobs: (_, pair) =>
      commands.flatMap((line) => [
        site.deployment({ ...pair, reload_command: line }),
        site.deployment({ ...pair, validate_command: line }),
      ]),
  },
  {
    claim: 'has Caddy asked at an address of its choice',
    jobs: (_, pair) =>
      urls.map((admin_api) =>
        site.deployment(
          { mode: 'api', admin_api, cert_dir: etc, reload_command: pair['reload_command'] },
          { target_type: 'Caddy' },
        ),
      ),
  },
  {
    claim: 'has HAProxy told at a socket of its choice',
    jobs: () =>
      ['runtime_socket', 'master_socket'].flatMap((field) =>
        [socket, `${socket};shutdown sessions`, '/run/docker.sock', `${socket}\nshow env`].map((path) =>
          site.deployment({ pem_path: join(etc, 'postfix/tls/cert.pem'), [field]: path }, { target_type: 'HAProxy' }),
        ),
      ),
  },
  {
    claim: 'has files written where no material is',
    jobs: (_, pair) =>
      places.flatMap((path) => [
        site.deployment({ ...pair, cert_path: path }),
        site.deployment({ ...pair, key_path: path }),
        site.deployment({ ...pair, chain_path: path }),
      ]),
  },
  {
    claim: 'has folders of its choice filled',
    jobs: () =>
      [join(dir, 'outside'), join(etc, 'conf.d'), join(etc, 'links/folder'), join(etc, 'mixed'), '/etc/cron.d'].flatMap(
        (folder) => [
          site.deployment({ cert_dir: folder, reload_command: 'true', mode: 'file' }, { target_type: 'Caddy' }),
          site.deployment({ cert_dir: folder }, { target_type: 'Traefik' }),
          site.deployment({ cert_dir: folder, sds_config: true }, { target_type: 'Envoy' }),
          site.deployment({ layout: 'generation', directory: folder, reload_command: 'true' }),
        ],
      ),
  },
  {
    claim: 'leaves its folder by a file name',
    jobs: () =>
      ['../conf.d/10-ssl.conf', '/etc/passwd', '..', '.', '10-ssl.conf', 'a\0b', 'a\nb', '-rf'].flatMap((name) => [
        site.deployment(
          { cert_dir: join(etc, 'conf.d'), cert_file: name, key_file: 'key.pem' },
          { target_type: 'Traefik' },
        ),
        site.deployment({ cert_dir: join(etc, 'conf.d'), cert_filename: name }, { target_type: 'Envoy' }),
      ]),
  },
  {
    claim: 'gives the key to others',
    jobs: (_, pair) => [
      ...['nobody', 'www-data', '65534', '0:0', '-1'].flatMap((owner) => [
        site.deployment({ ...pair, key_file_owner: owner }),
        site.deployment({ ...pair, key_file_group: owner }),
      ]),
      ...['0644', '0666', '0777', '04755', 0o644, '01777', '0604'].map((key_file_mode) =>
        site.deployment({ ...pair, key_file_mode }),
      ),
      ...['04755', '06777', '02644'].map((cert_file_mode) => site.deployment({ ...pair, cert_file_mode })),
    ],
  },
  {
    claim: 'has sockets and foreign hosts probed',
    jobs: (_, pair) =>
      [
        `unix:${other}`,
        `unix:${etc}/../run/other.sock`,
        'unix:/run/docker.sock',
        `${other}:25`,
        `[${other}]:25`,
        '192.0.2.7:25',
        '169.254.169.254:80',
        'evil.example:443',
        '2130706433.example:25',
        '[::ffff:192.0.2.7]:25',
        '[fe80::1%eth0]:25',
        'localhost\r\nRSET:25',
      ].map((endpoint) => site.deployment({ ...pair, endpoints: [{ endpoint, protocol: 'smtp' }] })),
  },
  {
    claim: 'puts lines into a dialog by a server name',
    jobs: (_, pair) =>
      ['a\r\nQUIT', 'a\0b', '\u001b[2J', '../x', 'a b'].map((servername) =>
        site.deployment({ ...pair, endpoints: [{ endpoint: `127.0.0.1:${site.daemon.ports[0]?.port}`, servername }] }),
      ),
  },
  {
    claim: 'has passwords read',
    jobs: () =>
      [secretFile, '../outside/secret', '/etc/shadow', '__proto__'].map((password_name) =>
        site.deployment(
          {
            service: 'x',
            files: [{ path: join(etc, 'a.p12'), format: 'pkcs12', password_name }],
            reload_command: 'true',
          },
          { target_type: 'Files' },
        ),
      ),
  },
  {
    claim: 'brings types and fields that JavaScript knows',
    jobs: (_, pair) => [
      ...['__proto__', 'constructor', 'toString', '../caddy', 'Postfix\u0000', ' postfix', '\u001b[2J'].map(
        (target_type) => site.deployment(pair, { target_type }),
      ),
      site.deployment(JSON.parse('{"__proto__":{"reload_command":"true"}}') as Fields),
      site.deployment({ ...pair, constructor: { prototype: { isAdmin: true } } }),
      site.deployment({ ...pair, post_deploy_verify: JSON.parse('{"__proto__":{}, "enabled":1}') as Fields }),
      site.deployment({ ...pair, backup_retention: 1e9 }),
      site.deployment({ ...pair, cert_path: { toString: 'x' } }),
      site.deployment({ ...pair, endpoints: Array.from({ length: 5000 }, () => `127.0.0.1:${port}`) }),
      site.deployment(nested(3000)),
    ],
  },
]

t.test('the canaries sing: a file that is read is noticed', async (t) => {
  await makeFolder(join(dir, 'self'))

  t.ok(await noticesReading(join(dir, 'self')))
  t.equal(await site.honestWork(), null)
  t.same(await canaries.touched(), [])
})

let tried = 0

for (const { claim, jobs } of attacks)
  t.test(`a control plane that ${claim} is refused, and honest work goes on`, async (t) => {
    const pair = {
      cert_path: site.daemon.certPath,
      key_path: site.daemon.keyPath,
      validate_command: 'true',
      reload_command: 'true',
    }
    const sent = await jobs(site, pair)
    tried += sent.length

    site.send(...sent)
    const finals = await Promise.all(sent.map(({ id }) => site.finalOf(String(id))))

    for (const [index, final] of finals.entries())
      t.match(final, { status: 'Failed' }, JSON.stringify(sent[index]?.['target_config']).slice(0, 200))
    t.same(await canaries.touched(), [])
    t.notOk(canaries.toldIn(...site.said()), 'the secret is told')
    t.equal(await site.honestWork(), null)
  })

t.test('identifiers from outside lead to no other path on the control plane, nor on the host', async (t) => {
  const ids = [
    '../../../etc/cron.d/x',
    '..',
    '.',
    '__proto__',
    'a/../../b',
    'a\0b',
    '%2e%2e%2f',
    'é'.repeat(200),
    '~x',
    'a\r\nb: c',
  ]
  const before = site.server.requests.length

  for (const id of ids) {
    site.send(site.deployment({}, { id, certificate_id: 'cert-1' }))
    site.send(site.deployment({}, { certificate_id: id, target_id: id, target_name: '\u001b]0;owned\u0007' }))
  }
  tried += ids.length * 2
  t.equal(await site.honestWork(), null)

  for (const { path } of site.server.requests.slice(before))
    t.match(
      path,
      /^\/api\/v1\/(agents\/agent-1\/(work|heartbeat|csr|certificates\/[^/]+|jobs\/[^/]+\/status|discoveries)|jobs\/[^/]+\/verify)(\?|$)/,
    )
  t.same(await canaries.touched(), [])
})

t.test(
  'an answer that redirects, never ends, is compressed a thousandfold or comes byte by byte harms nothing',
  async (t) => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const answers: ((response: ServerResponse) => unknown)[] = [
      (response) => response.writeHead(302, { location: `http://127.0.0.1:${port}/` }).end(),
      (response) => response.writeHead(307, { location: `https://127.0.0.1:${port}/` }).end(),
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
      (response) => response.writeHead(200).end(Buffer.alloc(8 * 1024 * 1024, '[')),
      (response) => response.writeHead(200).end('['.repeat(500_000)),
      (response) => response.writeHead(200).end(`{"jobs":${'[{"a":'.repeat(100_000)}`),
      (response) => response.writeHead(200).end(JSON.stringify({ jobs: Array.from({ length: 5000 }, () => ({})) })),
      (response) => response.writeHead(200, { 'x-filler': 'a'.repeat(60_000) }).end('{}'),
      (response) => response.writeHead(200).write('{"jo', () => response.destroy()),
      (response) => response.socket?.end('HTTP/1.1 101 Switching\r\n\r\n'),
      (response) => response.socket?.end('\0'.repeat(5000)),
      (response) => response.writeHead(429, { 'retry-after': '0' }).end(),
      (response) => response.writeHead(204).end(),
    ]
    for (const answer of answers) {
      const { promise, resolve } = Promise.withResolvers<void>()
      site.intercept((path, response) => {
        if (!path.includes('/work')) return false
        answer(response)
        resolve()
        return true
      })
      await promise
      site.intercept(null)
      tried += 1
      t.equal(await site.honestWork(), null)
    }

    t.same(await canaries.touched(), [])
  },
)

t.test('a flood of jobs leaves honest work its turn, and the agent its start', async (t) => {
  const flood = (): readonly Fields[] =>
    Array.from({ length: 100 }, () => site.deployment({ cert_path: sasl, padding: 'x'.repeat(500) }))

  for (let polls = 0; polls < 2; polls += 1) {
    site.send(...flood())
    await site.polled()
  }
  tried += 200
  await site.restart()

  t.equal(await site.honestWork(), null)
  t.same(await canaries.touched(), [])
})

t.test('durations and counts of a job have a cap: polls and other jobs go on', async (t) => {
  const silent = await silentPort(t)
  const pair = {
    cert_path: site.daemon.certPath,
    key_path: site.daemon.keyPath,
    validate_command: 'true',
    reload_command: 'true',
  }
  const verify = { endpoint: `127.0.0.1:${silent}`, enabled: true }
  const jobs = [
    site.deployment({ ...pair, post_deploy_verify: { ...verify, timeout: '2h' } }),
    site.deployment({ ...pair, post_deploy_verify: verify, post_deploy_verify_attempts: 1e9 }),
    site.deployment({ ...pair, post_deploy_verify: verify, post_deploy_verify_backoff: '87600h' }),
    site.deployment({ ...pair, post_deploy_verify: { ...verify, timeout: 1e300 } }),
  ]
  tried += jobs.length

  site.send(...jobs)

  for (const job of jobs) t.match(await site.finalOf(job.id), { status: /Failed|Completed/ })
  t.equal(await site.honestWork(), null)
})

t.test('the socket of an instance is told no command that a path brings, and no key for another path', async (t) => {
  const own = await startHostileSite((dir) => ({
    instances: { edge: { connector: 'haproxy', socket: join(dir, 'run/edge.sock') } },
  }))
  t.teardown(() => own.close())
  await own.canaries.socket(join(own.dir, 'run/edge.sock'))
  const tls = join(own.etc, 'tls')
  await mkdir(tls)
  const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
  const names = ['a;shutdown sessions', 'a show env', 'a\\', 'a"b', "a'b", 'a<<b', 'a|b', 'a$(id)', 'ä', 'a*']
  for (const name of names) await writeFile(join(tls, name), pair.keyPem + pair.certificatePem, { mode: 0o600 })
  const jobs = [...names.map((name) => join(tls, name)), join(own.etc, 'postfix/none\nshow env')].map((pem_path) =>
    own.deployment({ pem_path, validate_command: 'true' }, { target_type: 'HAProxy', instance: 'edge' }),
  )
  tried += jobs.length

  await own.issue()
  own.send(...jobs)

  for (const job of jobs) t.match(await own.finalOf(job.id), { status: 'Failed' }, JSON.stringify(job))
  t.same(await own.canaries.touched(), [])
  for (const name of names) t.equal(await readFile(join(tls, name), 'utf8'), pair.keyPem + pair.certificatePem, name)
  t.equal(await own.honestWork(), null)
})

t.test('a generation that is a link has nothing removed where it leads', async (t) => {
  const keys = await canaries.folder(join(dir, 'state/keys'))
  await writeFile(join(etc, 'gen/keep.txt'), 'x')
  for (const name of ['1', '2024-01-01T00-00-00.000Z', '0'.repeat(24), 'old'])
    await symlink(keys, join(etc, 'gen/generations', name))
  const target = {
    layout: 'generation',
    directory: join(etc, 'gen'),
    backup_retention: 1,
    validate_command: 'true',
    reload_command: 'true',
  }
  const jobs = [1, 2, 3].map(() => site.deployment(target, { target_id: 'generations' }))
  tried += jobs.length

  for (const job of jobs) {
    site.send(job)
    await site.finalOf(job.id)
    t.equal(await site.honestWork(), null)
  }

  t.same(await canaries.touched(), [])
})

t.test('a live key that others can read is closed to them, whatever the job says', async (t) => {
  await chmod(site.daemon.keyPath, 0o644)

  t.equal(await site.honestWork(), null)

  t.equal((await stat(site.daemon.keyPath)).mode & 0o007, 0)
})

t.test('what a command prints is told to nobody', async (t) => {
  const told = join(dir, 'told')
  await writeFile(told, `#!/bin/sh\necho "${canaries.secret}"\necho "${canaries.secret}" >&2\nexit 1\n`, {
    mode: 0o755,
  })
  const own = await startHostileSite({ policy: { commands: [told, 'true'] } })
  t.teardown(() => own.close())
  const job = own.deployment({
    cert_path: own.daemon.certPath,
    key_path: own.daemon.keyPath,
    validate_command: 'true',
    reload_command: told,
    endpoints: [`127.0.0.1:${own.daemon.ports[0]?.port}`],
  })
  tried += 1

  await own.issue()
  own.send(job)
  const final = await own.finalOf(job.id)

  t.match(final, { status: 'Failed', outcome: { code: 'ACTIVATE_FAILED' } })
  const reports = own.server.requests.map(({ body }) => JSON.stringify(body))
  t.notOk(canaries.toldIn(...reports))
})

t.test('no environment has it believe a control plane that its CA does not vouch for', async (t) => {
  const other = await startHttpsServer(
    await (await makeAuthority()).issue({ names: ['localhost'], ips: ['127.0.0.1'] }),
  )
  t.teardown(() => other.close())
  const config = JSON.parse(await readFile(join(dir, 'waxseal.yaml'), 'utf8')) as { control_plane: object }
  const file = join(dir, 'other.yaml')
  const status = { listen: 'off' }
  const changed = {
    ...config,
    status,
    state_dir: join(dir, 'other'),
    control_plane: { ...config.control_plane, url: other.url },
  }
  await writeFile(file, JSON.stringify(changed), { mode: 0o600 })
  tried += 1

  const agent = startWaxseal(['agent', '--config', file], {
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NODE_EXTRA_CA_CERTS: '/nowhere',
  })
  await agent.waitFor(({ msg }) => msg === 'poll failed' || msg === 'heartbeat failed')
  agent.killAll()
  await agent.exited

  t.same(other.requests, [])
})

t.test('no page, status or log has the escapes of a control plane, nor the secret', async (t) => {
  const escape = '\u001b]0;owned\u0007\u009b2J\u202e'
  site.send(site.deployment({ cert_path: escape, [escape]: escape }, { target_id: escape, target_type: escape }))
  site.send(site.deployment({ cert_path: `${etc}/${escape}` }, { target_id: escape }))
  tried += 2
  t.equal(await site.honestWork(), null)
  const config = ['--config', join(dir, 'waxseal.yaml')]

  const texts = await Promise.all(
    [['status'], ['history'], ['status', '--json'], ['check']].map((command) => runWaxseal([...command, ...config])),
  )

  for (const { stdout, stderr } of texts) {
    t.notMatch(stdout + stderr, /[^\n\P{C}]/u)
    t.notOk(canaries.toldIn(stdout, stderr))
  }
})

t.test('figures', async (t) => {
  const violations = await canaries.touched()
  t.comment(`${tried} hostile jobs and answers, ${violations.length} violations`)
  t.same(violations, [])
  t.notOk(canaries.toldIn(...site.said()))
})

/** Takes connections, and never says a word. */
async function silentPort(t: Test): Promise<number> {
  const open = new Set<Socket>()
  const server = createServer((socket) => void open.add(socket.on('error', () => {})))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

function nested(depth: number): Fields {
  let value: Fields = { end: true }
  for (let left = depth; left > 0; left -= 1) value = { value }
  return value
}
