import { chown, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import type { Command } from '../../../src/plan/plan.ts'
import { checkNamed } from '../../../src/policy/check-named.ts'

type Fields = Readonly<Record<string, unknown>>

const standardCommands: readonly Command[] = [
  ['postfix', 'reload'],
  ['postmap', '-F', '<map>'],
  ['waxseal:haproxy-load', '/run/haproxy/admin.sock', '<file>'],
]

t.test('paths below a root, as text, and commands word by word are what a job may name', async (t) => {
  const fields = {
    cert_path: '/etc/postfix/certs/cert.pem',
    chain_path: '',
    cert_dir: '/etc/postfix/',
    files: [{ path: '/srv/tls/a.pem', alias: 'a b' }],
    reload_command: ' postfix   reload',
    validate_command: 'systemctl status postfix',
    endpoints: ['mail.example.net:25', 'unix:/run/dovecot/lmtp'],
  }

  t.equal(await refusal(fields), null)
})

t.test('a path elsewhere, or in another form than the normal one, is refused by its field', async (t) => {
  for (const path of [
    '/etc/shadow',
    '/',
    '/etc/postfix-other/cert.pem',
    '/etc/postfix/../shadow',
    '/etc/postfix/./cert.pem',
    '/etc/postfix//cert.pem',
    '//etc/postfix/cert.pem',
    '/etc/postfix/..',
    '/etc/postfix/a\nb',
    '/etc/postfix/a\u001b[2J',
  ])
    for (const [field, fields] of [
      ['cert_path', { cert_path: path }],
      ['files.1.path', { files: [{ path: '/srv/tls/a' }, { path }] }],
      ['deep.er.0', { deep: { er: [path] } }],
    ] as const)
      t.match(await refusal(fields), { code: 'PATH_NOT_ALLOWED', details: { path, field } }, JSON.stringify(path))
})

t.test('a job has no socket looked at but those of mail daemons, below a root, and of the policy', async (t) => {
  for (const socket of ['/run/dovecot/lmtp', '/srv/tls/a.sock', '/run/own.sock'])
    t.equal(await refusal({ endpoints: [{ endpoint: `unix:${socket}` }] }), null, socket)
  for (const socket of ['/run/docker.sock', '/run/dovecot', '/run/systemd/private', '/tmp/x.sock'])
    t.match(
      await refusal({ endpoints: [`unix:${socket}`] }),
      { code: 'PROBE_NOT_ALLOWED', details: { socket } },
      socket,
    )
})

t.test('the socket of a probe is named in normal form', async (t) => {
  for (const socket of ['/run/../etc/x', 'run/x', '/run//x', '/run/x\n'])
    t.match(await refusal({ endpoints: [`unix:${socket}`] }), { code: 'PATH_NOT_ALLOWED' }, JSON.stringify(socket))
})

t.test('a root that its user has exchanged for a link stands for nothing that it leads to', async (t) => {
  const dir = t.testdir({ theirs: {}, ours: {} })
  await chown(join(dir, 'theirs'), 1001, 1001)
  await symlink('../ours', join(dir, 'theirs/tls'))

  const refused = await refusal({ cert_path: join(dir, 'ours/a.pem') }, [join(dir, 'theirs/tls')])
  t.match(refused, { code: 'PATH_NOT_ALLOWED' })
})

t.test('a root that is a link stands for what it leads to, and what a job names is not followed', async (t) => {
  const dir = t.testdir({ real: {}, other: {} })
  const root = join(dir, 'root')
  await symlink('real', root)
  await symlink('real', join(dir, 'other/link'))

  t.equal(await refusal({ cert_path: join(root, 'a.pem') }, [root]), null)
  t.equal(await refusal({ cert_path: join(dir, 'real/a.pem') }, [root]), null)
  t.match(await refusal({ cert_path: join(dir, 'other/link/a.pem') }, [root]), { code: 'PATH_NOT_ALLOWED' })
})

t.test('a command of a job takes no path, socket or table of its choice', async (t) => {
  for (const command of [
    'postmap -F hash:/etc/postfix/sasl_passwd',
    'postmap -F <map>',
    'waxseal:haproxy-load /run/haproxy/admin.sock /etc/postfix/certs/cert.pem',
    'waxseal:haproxy-load /run/haproxy/admin.sock <file>',
    'waxseal:caddy-reload http://127.0.0.1:9780',
    'postfix -c /tmp/evil reload',
    '/tmp/postfix reload',
    'postfix reload; id',
    '',
  ])
    for (const field of ['reload_command', 'validate_command'])
      t.match(await refusal({ [field]: command }), { code: 'COMMAND_NOT_ALLOWED', details: { field } }, command)
})

async function refusal(
  fields: Fields,
  roots: readonly string[] = ['/etc/postfix', '/srv/tls/'],
): Promise<WaxsealError | null> {
  const commands = ['systemctl  status postfix', 'waxseal:caddy-reload http://127.0.0.1:9780']
  return checkNamed(fields, { roots, commands, probes: ['/run/own.sock'], standardCommands, paths: [] }).then(
    () => null,
    (error: unknown) => {
      if (error instanceof WaxsealError) return error
      throw error
    },
  )
}
