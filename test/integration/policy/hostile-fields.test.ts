import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { WrittenConfig } from '../../../src/config/resolve-config.ts'
import type { HostView } from '../../../src/connector/host-view.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'

type Fields = Readonly<Record<string, unknown>>

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net'] })

for (const [connector, fields, code] of [
  ['Dovecot', { daemon_config: 'DIR/evil.conf' }, 'INSTANCE_NOT_ALLOWED'],
  ['Postfix', { daemon_config: 'DIR/evil' }, 'INSTANCE_NOT_ALLOWED'],
  ['Postfix', { mode: 'dovecot', daemon_config: 'DIR/evil.conf' }, 'INSTANCE_NOT_ALLOWED'],
  ['Exim', { daemon_config: 'DIR/evil.conf', reload_command: 'true' }, 'INSTANCE_NOT_ALLOWED'],
  ['Dovecot', { daemon_config: 'DIR/evil.conf', key_path: '********' }, 'INSTANCE_NOT_ALLOWED'],
  ['Dovecot', { instance: 'evil' }, 'INSTANCE_NOT_ALLOWED'],
  ['HAProxy', { pem_path: 'DIR/a.pem', runtime_socket: 'DIR/evil.sock' }, 'INSTANCE_NOT_ALLOWED'],
  ['HAProxy', { pem_path: 'DIR/a.pem', runtime_socket: '/run/docker.sock' }, 'INSTANCE_NOT_ALLOWED'],
  ['HAProxy', { pem_path: 'DIR/a.pem', master_socket: '/run/a.sock;shutdown' }, 'INSTANCE_NOT_ALLOWED'],
  ['Caddy', { mode: 'api', admin_api: 'http://127.0.0.1:9780' }, 'INSTANCE_NOT_ALLOWED'],
  ['Postfix', { cert_path: '/etc/shadow' }, 'PATH_NOT_ALLOWED'],
  ['Postfix', { cert_path: 'DIR/../etc/shadow' }, 'PATH_NOT_ALLOWED'],
  ['Postfix', { reload_command: 'postmap -F hash:DIR/sasl_passwd' }, 'COMMAND_NOT_ALLOWED'],
  ['Dovecot', { validate_command: 'doveconf -c DIR/evil.conf -n' }, 'COMMAND_NOT_ALLOWED'],
  ['NGINX', { reload_command: 'nginx -c DIR/evil.conf -s reload' }, 'COMMAND_NOT_ALLOWED'],
] as const)
  t.test(
    `a job for ${connector} with ${JSON.stringify(fields)} is refused, and nothing is read or run for it`,
    async (t) => {
      const host = await open(t)
      const { engine, seen } = watched(host.engine)

      const outcome = await host.job(connector, JSON.parse(JSON.stringify(fields).replaceAll('DIR', host.dir)), engine)

      t.match(outcome, { outcome: 'refused', code, host: 'untouched' })
      t.same(
        seen.filter((what) => !what.includes('/etc/haproxy/') && !what.includes('/etc/default/haproxy')),
        [],
      )
    },
  )

t.test('a table of passwords is not compiled for a job, nor told: postmap would empty it', async (t) => {
  const host = await open(t)
  const table = join(host.dir, 'sasl_passwd')
  await writeText(table, '[relay.example.net]:587 user:secret\n', 0o600)
  await runOrThrow(['postmap', `hash:${table}`])
  const before = await readFile(`${table}.db`)
  const pairPaths = { cert_path: join(host.dir, 'a.pem'), key_path: join(host.dir, 'a.key') }
  const fields = { ...pairPaths, validate_command: 'true', reload_command: `postmap -F hash:${table}` }

  const outcome = await host.job('Postfix', fields)

  t.match(outcome, { outcome: 'refused', code: 'COMMAND_NOT_ALLOWED' })
  t.notMatch(JSON.stringify(outcome), 'secret')
  t.same(await readFile(`${table}.db`), before)
})

t.test(
  'a job gives a key to no account of its choice; those of the policy and the live file may have it',
  async (t) => {
    const host = await open(t, { owners: ['mail'] })
    const paths = { cert_dir: host.dir, mode: 'file', reload_command: 'true' }

    for (const fields of [
      { key_file_owner: 'nobody' },
      { key_file_group: 'nogroup' },
      { key_file_owner: '65534' },
      { cert_file_owner: 'nobody' },
    ])
      t.match(await host.job('Caddy', { ...paths, ...fields }), {
        outcome: 'refused',
        code: 'OWNER_NOT_ALLOWED',
        host: 'untouched',
      })
    t.match(await host.job('Caddy', { ...paths, key_file_owner: 'mail' }), { outcome: 'deployed' })
    const again = await host.job('Caddy', { ...paths, key_file_owner: '8', backup_retention: 1 })
    t.match(again, { outcome: 'unchanged' })
  },
)

t.test('with policy.targets local no word of a job counts, its instance neither', async (t) => {
  const own = { connector: 'caddy', target_id: 'target-1', reload_command: 'true', cert_file: 'own.pem' }
  const host = await open(t, { targets: 'local' }, own)
  const evil = {
    daemon_config: '/tmp/evil',
    admin_api: 'http://127.0.0.1:9780',
    key_file: 'evil.key',
    instance: 'evil',
  }

  const outcome = await host.job('Caddy', evil, host.engine, { instance: 'evil' })

  t.match(outcome, { outcome: 'deployed' })
  t.match(await readFile(join(host.dir, 'own.pem'), 'utf8'), 'BEGIN CERTIFICATE')
})

interface Host {
  readonly dir: string
  readonly engine: Engine
  job(connector: string, config: Fields, engine?: Engine, more?: { readonly instance?: string }): Promise<Outcome>
}

async function open(t: Test, policy: WrittenConfig['policy'] = {}, own?: Fields): Promise<Host> {
  const dir = await makeTemporaryFolder('waxseal-hostile-')
  t.teardown(() => removeTree(dir))
  await makeFolder(join(dir, 'targets'))
  if (own !== undefined) await writeText(join(dir, 'targets/web.yaml'), JSON.stringify({ ...own, cert_dir: dir }))
  const host = await openTestEngine(dir, ['true'], { dane: 'off', ...policy })
  const job: Host['job'] = (connector, config, engine = host, more = {}) =>
    deploy(
      {
        job: 'job-1',
        target: 'target-1',
        connector,
        config,
        ...more,
        certificatePem: pair.certificatePem,
        chainPem: pair.chainPem,
        findKey: async () => pair.keyPem,
      },
      engine,
    )
  return { dir, engine: host, job }
}

/** The engine with a view of the host that notes what is read and run. */
function watched(engine: Engine): { readonly engine: Engine; readonly seen: readonly string[] } {
  const seen: string[] = []
  const { hostView } = engine
  const noted: Partial<HostView> = {
    run: (command, reads) => {
      seen.push(command.join(' '))
      return hostView.run(command, reads)
    },
    readFile: (path) => {
      seen.push(path)
      return hostView.readFile(path)
    },
    list: (path) => {
      seen.push(path)
      return hostView.list(path)
    },
  }
  return { engine: { ...engine, hostView: { ...hostView, ...noted } }, seen }
}
