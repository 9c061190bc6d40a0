import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { PolicyConfig } from '../../../src/config/config.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import type { Material } from '../../../src/material/material.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import type { Command, Plan } from '../../../src/plan/plan.ts'
import { checkPolicy, type Destinations } from '../../../src/policy/policy.ts'
import { makeAuthority } from '../../support/certificates.ts'

const authority = await makeAuthority()
const material = await materialOf('mail.example.net')
const standard: readonly Command[] = [
  ['postfix', 'reload'],
  ['postmap', '-F', '<map>'],
]

t.test('a file below a root is allowed, there or not', async (t) => {
  const { root } = await site(t)
  await writeFile(join(root, 'cert.pem'), '')

  t.same(await pathsOf(root, ['cert.pem', 'key.pem']), [join(root, 'cert.pem'), join(root, 'key.pem')])
})

t.test('a link inside a root is followed: to another place inside, allowed; to one outside, refused', async (t) => {
  const { root, outside } = await site(t)
  await writeFile(join(root, 'real.pem'), '')
  await writeFile(join(outside, 'real.pem'), '')
  await symlink('real.pem', join(root, 'inside.pem'))
  await symlink('../outside/real.pem', join(root, 'outside.pem'))
  await symlink(outside, join(root, 'folder'))

  t.same(await pathsOf(root, ['inside.pem']), [join(root, 'real.pem')])
  t.match(await pathRefused(root, 'outside.pem'), /below none of the roots/)
  t.match(await pathRefused(root, 'folder/new.pem'), /below none of the roots/)
})

t.test("Debian's link to the snake-oil pair is refused with the way out, which mends it", async (t) => {
  const { root, outside } = await site(t)
  await writeFile(join(outside, 'ssl-cert-snakeoil.pem'), 'of others, too')
  await symlink('../outside/ssl-cert-snakeoil.pem', join(root, 'dovecot.pem'))

  const error = await refusal(planOf({ files: [join(root, 'dovecot.pem')] }), { roots: [root] })

  const [, ...command] = /link: (cp .*)$/.exec(String(error?.details['way']))?.[1]?.split(' ') ?? []
  execFileSync('cp', command)
  t.same(await pathsOf(root, ['dovecot.pem']), [join(root, 'dovecot.pem')])
  t.equal(await readFile(join(outside, 'ssl-cert-snakeoil.pem'), 'utf8'), 'of others, too')
})

t.test('a root that is a link stands for what it leads to', async (t) => {
  const { root, outside } = await site(t)
  await symlink(outside, join(root, 'link'))

  t.same(await pathsOf(join(root, 'link'), ['new.pem']), [join(outside, 'new.pem')])
})

t.test('a folder whose name begins like a root is not below it', async (t) => {
  const { root } = await site(t)
  await mkdir(`${root}-other`)

  t.match(await pathRefused(root, '', `${root}-other/cert.pem`), /below none of the roots/)
  t.match(await pathRefused(root, '', root), /a folder/)
})

t.test(
  '"..", a dangling link, a loop, a folder, a FIFO and a missing folder are refused, each with its reason',
  async (t) => {
    const { root } = await site(t)
    await symlink('nowhere.pem', join(root, 'dangling.pem'))
    await symlink('loop.pem', join(root, 'loop.pem'))
    await mkdir(join(root, 'folder'))
    execFileSync('mkfifo', [join(root, 'fifo')])
    await writeFile(join(root, 'file'), '')

    t.match(await pathRefused(root, '', `${root}/folder/../cert.pem`), /"\.\."/)
    t.match(await pathRefused(root, 'dangling.pem'), /link to nothing/)
    t.match(await pathRefused(root, 'loop.pem'), /ELOOP/)
    t.match(await pathRefused(root, 'folder'), /a folder/)
    t.match(await pathRefused(root, 'fifo'), /not a regular file/)
    t.match(await pathRefused(root, 'missing/cert.pem'), /folder does not exist/)
    t.match(await pathRefused(root, 'file/cert.pem'), /ENOTDIR/)
  },
)

t.test('two paths that lead to one file are refused', async (t) => {
  const { root } = await site(t)
  await writeFile(join(root, 'cert.pem'), '')
  await symlink('cert.pem', join(root, 'key.pem'))

  for (const second of [join(root, 'key.pem'), `${root}//cert.pem`]) {
    const plan = planOf({ files: [join(root, 'cert.pem'), second] })

    t.match(await refusal(plan, { roots: [root] }), { code: 'PATH_NOT_ALLOWED', details: { path: second } })
  }
})

t.test('a generation is judged by its folder, and its files by their names', async (t) => {
  const { root, outside } = await site(t)
  const generation = { directory: root, link: join(root, 'current') }
  const files = [join(root, 'current/cert.pem')]

  const allowed = await check({ ...planOf({ files }), generation }, { roots: [root] })

  t.equal(allowed.link, join(root, 'current'))
  for (const path of [join(outside, 'cert.pem'), `${root}/current/..`, join(root, 'current/a/b')]) {
    t.equal((await refusal({ ...planOf({ files: [path] }), generation }, { roots: [root] }))?.code, 'PATH_NOT_ALLOWED')
  }
})

t.test('a generation outside the roots is refused, whatever link it holds', async (t) => {
  const { root, outside } = await site(t)
  const generation = { directory: outside, link: join(outside, 'current') }
  const plan = { ...planOf({ files: [join(outside, 'current/cert.pem')] }), generation }
  await writeFile(join(root, 'inside'), '')

  t.match(await refusal(plan, { roots: [root] }), { code: 'PATH_NOT_ALLOWED', details: { setting: 'policy.roots' } })
  await symlink(join(root, 'inside'), join(outside, '.waxseal'))
  t.match(await refusal(plan, { roots: [root] }), { code: 'PATH_NOT_ALLOWED', details: { path: outside } })
})

t.test('any name is allowed where the policy names none', async (t) => {
  t.equal(await refusal(planOf({}), { names: null }), null)
})

t.test('a wildcard stands for one label and for itself', async (t) => {
  const names = ['*.Example.net', 'exact.example.org']
  for (const name of ['mail.example.net', 'MAIL.example.net', '*.example.net', 'exact.example.org']) {
    t.equal(await refusal(planOf({}), { names }, await materialOf(name)), null, name)
  }
  for (const name of ['example.net', 'a.b.example.net', 'mail.example.org', '*.example.org', 'exampleXnet']) {
    const error = await refusal(planOf({}), { names }, await materialOf(name))

    t.match(error, { code: 'NAME_NOT_ALLOWED', details: { name, setting: 'policy.names' } }, name)
  }
})

t.test('one name that is not allowed is enough to refuse a certificate', async (t) => {
  const two = await materialOf('mail.example.net', 'mail.example.org')

  t.match(await refusal(planOf({}), { names: ['*.example.net'] }, two), { details: { name: 'mail.example.org' } })
})

t.test('commands are compared word by word', async (t) => {
  const commands = ['systemctl  reload postfix ']
  const allowed: readonly Command[] = [
    ['systemctl', 'reload', 'postfix'],
    ['postfix', 'reload'],
  ]
  const refused: readonly Command[] = [
    ['systemctl', 'reload'],
    ['systemctl', 'reload', 'postfix', 'ssh'],
    ['systemctl', 'reload postfix'],
    ['systemctl reload postfix'],
    ['/tmp/systemctl', 'reload', 'postfix'],
    ['postfix'],
  ]

  for (const command of allowed) t.equal(await refusal(planOf({ activate: [command] }), { commands }), null)
  for (const command of refused) {
    for (const place of [{ check: command }, { activate: [command] }, { recover: [command] }]) {
      t.match(await refusal(planOf(place), { commands }), {
        code: 'COMMAND_NOT_ALLOWED',
        details: { command: command.join(' '), setting: 'policy.commands' },
      })
    }
  }
})

t.test('a program that another user could change is refused before anything is touched', async (t) => {
  const { root } = await site(t)
  const program = join(root, 'hook')
  await writeFile(program, '#!/bin/sh\n', { mode: 0o755 })
  const plan = planOf({ activate: [[program]] })

  t.equal(await refusal(plan, { commands: [program] }), null)
  await chmod(program, 0o757)
  t.match(await refusal(plan, { commands: [program] }), {
    code: 'COMMAND_NOT_ALLOWED',
    details: { reason: /chmod go-w/ },
  })
})

t.test('a table may be compiled that the settings of the daemon name, below the roots alone', async (t) => {
  const dir = await realpath(t.testdir({ etc: { sni: '', out: t.fixture('symlink', '../elsewhere') }, elsewhere: '' }))
  const roots = [join(dir, 'etc')]
  const allowed = [`hash:${dir}/etc/sni`, `lmdb:${dir}/etc/not-there-yet`]
  const refused = [
    `hash:${dir}/elsewhere`,
    `hash:${dir}/etc/../elsewhere`,
    `hash:${dir}/etc/out`,
    `hash:${dir}/etc`,
    `hash:etc/sni`,
    `${dir}/etc/sni`,
    `hash:${dir}/etc/sni:more`,
  ]

  const refusalOf = (table: string, named = table): Promise<WaxsealError | null> => {
    const tables = [{ source: named.replace(/^[a-z]+:/, ''), command: ['postmap', '-F', named] as const, others: [] }]
    return refusal({ ...planOf({ activate: [['postmap', '-F', table]] }), tables }, { roots })
  }

  for (const table of allowed) t.equal(await refusalOf(table), null, table)
  for (const table of allowed) t.match(await refusalOf(table, 'hash:/other'), { code: 'COMMAND_NOT_ALLOWED' }, table)
  for (const table of refused) t.match(await refusalOf(table), { code: 'COMMAND_NOT_ALLOWED' }, table)
})

t.test('a command of our own reads files of its plan alone', async (t) => {
  const { root } = await site(t)
  const socket = '/run/haproxy/admin.sock'
  const file = join(root, 'site.pem')
  const load: Command = ['waxseal:haproxy-load', socket, '<file>']
  const refusalOf = (...args: readonly string[]): Promise<WaxsealError | null> =>
    refusal(planOf({ files: [file], activate: [['waxseal:haproxy-load', ...args]] }), { roots: [root] }, material, [
      load,
    ])

  t.equal(await refusalOf(socket, file), null)
  for (const args of [
    ['/run/docker.sock', file],
    [`${socket};shutdown`, file],
    [socket, join(root, 'other.pem')],
    [socket, '/etc/shadow'],
    [socket, file, 'more'],
    [socket],
  ])
    t.match(await refusalOf(...args), { code: 'COMMAND_NOT_ALLOWED' }, args.join(' '))
})

t.test('no line of the policy allows a command of our own: it belongs to its connector', async (t) => {
  const command: Command = ['waxseal:haproxy-load', '/run/admin.sock', '/etc/shadow']

  t.match(await refusal(planOf({ activate: [command] }), { commands: [command.join(' ')] }), {
    code: 'COMMAND_NOT_ALLOWED',
  })
})

t.test('loopback and the own addresses may always be probed', async (t) => {
  const own = Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address))

  for (const host of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1', 'localhost', ...own]) {
    t.equal(await refusal(planOf({ probes: [host] }), {}), null, host)
  }
})

t.test('other hosts are probed by name, address or range, of either family', async (t) => {
  const probes = ['mail.invalid', '192.0.2.7', '198.51.100.0/24', '2001:db8:1::/48', '2001:db8:2::1']
  for (const host of ['MAIL.invalid', '192.0.2.7', '198.51.100.255', '2001:db8:1:ffff::1', '2001:DB8:2:0::1']) {
    t.equal(await refusal(planOf({ probes: [host] }), { probes }), null, host)
  }
  for (const host of ['192.0.2.8', '198.51.101.0', '2001:db8:3::1', '2001:db8:2::2', '0.0.0.0', 'other.invalid']) {
    t.match(
      await refusal(planOf({ probes: ['127.0.0.1', host] }), { probes }),
      { code: 'PROBE_NOT_ALLOWED', details: { host, setting: 'policy.probes' } },
      host,
    )
  }
})

/** A root, and a folder beside it. */
async function site(t: Test): Promise<{ readonly root: string; readonly outside: string }> {
  const dir = await realpath(t.testdir({ root: {}, outside: {} }))
  return { root: join(dir, 'root'), outside: join(dir, 'outside') }
}

async function materialOf(...names: readonly string[]): Promise<Material> {
  return parseMaterial({ ...(await authority.issue({ names })), now: new Date() })
}

function planOf(wanted: {
  readonly files?: readonly string[]
  readonly check?: Command
  readonly activate?: readonly Command[]
  readonly recover?: readonly Command[]
  readonly probes?: readonly string[]
}): Plan {
  const { files = [], check = null, activate = [], recover = [], probes = [] } = wanted
  const access = { mode: 'keep', owner: 'keep', group: 'keep', contents: new Uint8Array() } as const
  const look = { port: 25, protocol: 'smtp', servername: null, keyType: null, timeoutMs: 1000 } as const
  return {
    connector: 'postfix',
    service: 'postfix',
    files: files.map((path) => ({ path, role: 'certificate', ...access })),
    check,
    activate,
    recover,
    probes: probes.map((host) => ({ host, ...look })),
    unverified: null,
    wiring: null,
    retry: { attempts: 1, initialMs: 1, maxMs: 1 },
    generation: null,
    backupRetention: 3,
  }
}

function check(plan: Plan, policy: Partial<PolicyConfig>, of = material, own = standard): Promise<Destinations> {
  return checkPolicy(plan, of, { roots: [], commands: [], names: null, probes: [], ...policy }, own)
}

async function refusal(
  plan: Plan,
  policy: Partial<PolicyConfig>,
  of = material,
  own = standard,
): Promise<WaxsealError | null> {
  return check(plan, policy, of, own).then(
    () => null,
    (error: unknown) => {
      if (error instanceof WaxsealError) return error
      throw error
    },
  )
}

async function pathsOf(root: string, names: readonly string[]): Promise<readonly string[]> {
  const { files } = await check(planOf({ files: names.map((name) => join(root, name)) }), { roots: [root] })
  return files.map(({ destination }) => destination)
}

/** The reason that a path is refused for; the error names the path and the setting. */
async function pathRefused(root: string, name: string, path = join(root, name)): Promise<unknown> {
  const error = await refusal(planOf({ files: [path] }), { roots: [root] })
  const isNamed = error?.details['path'] === path && error.details['setting'] === 'policy.roots'
  return error?.code === 'PATH_NOT_ALLOWED' && isNamed ? error.details['reason'] : error
}
