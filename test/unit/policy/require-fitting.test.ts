import {
  chmodSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import type { FileRole, PlannedWiring } from '../../../src/plan/plan.ts'
import { type Placed, requireFitting } from '../../../src/policy/require-fitting.ts'
import { makeAuthority } from '../../support/certificates.ts'

const { certificatePem, keyPem, chainPem } = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
const both = keyPem + certificatePem

t.test('what holds material of its role may be replaced', async (t) => {
  const held = { 'cert.pem': certificatePem, 'chain.pem': chainPem, 'key.pem': keyPem, 'both.pem': both }
  const dir = t.testdir(held)
  const fitting = [
    ['cert.pem', 'certificate'],
    ['chain.pem', 'chain'],
    ['key.pem', 'key'],
    ['both.pem', 'bundle'],
    ['cert.pem', 'bundle'],
    ['cert.pem', 'chain'],
  ] as const

  for (const [name, role] of fitting) t.equal(await refusalOf(join(dir, name), role), null, `${role} over ${name}`)
  t.match(await refusalOf(join(dir, 'cert.pem'), 'key'), { reason: /holds no private key/ })
  t.match(await refusalOf(join(dir, 'key.pem'), 'certificate'), { reason: /holds no certificate/ })
})

const others: Readonly<Record<string, string>> = {
  'main.cf': 'myhostname = mail.example.net\n',
  virtual: 'postmaster@example.net bob\n',
  sasl_passwd: '[relay.example.net]:587 user:password\n',
  'virtual.db': '\0\x06\x15\x61',
  'dh.pem': '-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n',
  'inline.conf': `ssl_cert = ${certificatePem}`,
  'torn.pem': certificatePem.slice(0, 300),
}
for (const [name, text] of Object.entries(others)) {
  t.test(
    `${name} is not replaced, whatever role it is planned in; where its role is on record or wired, it is`,
    async (t) => {
      const path = join(t.testdir({ [name]: text }), name)

      for (const role of ['certificate', 'chain', 'key', 'bundle', 'other'] as const)
        t.match(
          await refusalOf(path, role),
          { path, reason: /it holds/, setting: 'policy.folders', way: /mv .*\.old/ },
          role,
        )
      t.equal(await refusalOf(path, 'certificate', { isRecorded: true }), null)
      t.equal(await refusalOf(path, 'certificate', { named: true }), null)
      t.match(await refusalOf(path, 'certificate', { isNamed: true }), { reason: /it holds/ }, 'a folder names no file')
    },
  )
}

t.test('where the role that the settings have it in cannot be told, what holds the other side stays', async (t) => {
  const dir = t.testdir({ 'key.pem': keyPem, 'broken.pem': 'nothing' })

  t.match(await refusalOf(join(dir, 'key.pem'), 'certificate', { named: false }), { reason: /no certificate/ })
  t.equal(await refusalOf(join(dir, 'key.pem'), 'key', { named: false }), null)
  t.equal(await refusalOf(join(dir, 'broken.pem'), 'certificate', { named: false }), null)
})

t.test('no program is replaced, even where a record or the settings name it', async (t) => {
  const dir = t.testdir({ script: `#!/bin/sh\n${certificatePem}`, tool: 'no magic', 'cert.pem': certificatePem })
  for (const name of ['tool', 'cert.pem']) chmodSync(join(dir, name), 0o755)

  for (const path of [process.execPath, join(dir, 'script'), join(dir, 'tool')])
    for (const known of [{}, { isRecorded: true }, { named: true }, { isNamed: true }])
      t.match(await refusalOf(path, 'certificate', known), { reason: 'it is a program' }, path)
  t.equal(await refusalOf(join(dir, 'cert.pem'), 'certificate'), null, 'a certificate is none, whatever its mode')
})

t.test('the same bytes are nothing to replace', async (t) => {
  const path = join(t.testdir({ 'sds.json': '{}' }), 'sds.json')

  t.equal(await refusalOf(path, 'other', { contents: '{}' }), null)
  t.match(await refusalOf(path, 'other'), { reason: /something else/ })
  t.equal(await refusalOf(path, 'other', { isNamed: true }), null)
})

/** Folders of stock hosts in which people make new files. */
const material: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/etc/ssl/private': { 'ssl-cert-snakeoil.key': keyPem },
  '/etc/postfix/tls': {},
  '/etc/haproxy/certs': { 'a.example.net.pem': both, 'b.pem': both, 'b.pem.ocsp': '' },
  '/etc/letsencrypt/live/mail.example.net': { README: 'This directory contains your keys', 'cert.pem': certificatePem },
  '/etc/prosody/certs': { 'localhost.cnf': '[req]\n', Makefile: 'all:\n', 'localhost.crt': certificatePem },
  '/etc/nginx/ssl.d': { 'dhparam.pem': '-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n' },
  '/srv/pki': {
    'mail.csr': '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n',
    serial: '01\n',
  },
}
for (const [folder, files] of Object.entries(material)) {
  t.test(`a new file may be made in ${folder} as it is`, async (t) => {
    const dir = placeIn(t.testdir(), folder, files)
    mkdirSync(join(dir, 'below'))
    symlinkSync('nowhere', join(dir, 'dangling.pem'))
    writeFileSync(join(dir, '.waxseal-0123456789abcdef01234567.new'), 'of a deployment under way')

    for (const name of ['new.pem', 'new.key', 'new.example.net'])
      t.equal(await refusalOf(join(dir, name), 'bundle'), null)
    writeFileSync(join(dir, 'empty.pem'), '')
    t.equal(await refusalOf(join(dir, 'empty.pem'), 'certificate'), null, 'an empty file is none yet')
  })
}

/** Folders in which something else reads what is new. */
const settings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/etc/postfix': { 'main.cf': 'myhostname = a\n', 'cert.pem': certificatePem },
  '/etc/postfix/sasl': {},
  '/etc/dovecot/conf.d': {},
  '/etc/nginx/conf.d': {},
  '/etc/nginx/sites-enabled': {},
  '/etc/apache2/conf-available': {},
  '/etc/sudoers.d': { README: 'As of Debian version 1.7.2p1-1 …' },
  '/etc/cron.daily': { '.placeholder': '' },
  '/etc/haproxy': { 'haproxy.cfg': 'global\n' },
  '/usr/local/bin': { tool: '#!/bin/sh\n' },
  '/etc/exim4': { 'exim.crt': certificatePem, 'passwd.client': 'relay:user:password\n' },
  '/etc/dovecot/ssl': { '10-ssl.conf': 'ssl = required\n' },
}
for (const [folder, files] of Object.entries(settings)) {
  t.test(`no new file is made in ${folder}, unless somebody has said that it is for one`, async (t) => {
    const path = join(placeIn(t.testdir(), folder, files), 'new.pem')

    t.match(await refusalOf(path, 'bundle'), {
      path,
      setting: 'policy.folders',
      way: /policy\.folders: \{ .*: root \}/,
    })
    for (const known of [{ isRecorded: true }, { named: true }, { named: false }, { isNamed: true }])
      t.equal(await refusalOf(path, 'bundle', known), null, JSON.stringify(known))
  })
}

t.test('a link to settings is what it leads to, and a name of settings is none of a certificate', async (t) => {
  const dir = t.testdir({ tls: { linked: t.fixture('symlink', '../main.cf') }, 'main.cf': 'a = b\n', empty: {} })

  t.match(await refusalOf(join(dir, 'tls/new.pem'), 'certificate'), { reason: /other things .*: linked/ })
  for (const name of ['smtpd.conf', 'main.cf', 'virtual.db', 'dynamic.yml', 'run.sh', 'a.service'])
    t.match(await refusalOf(join(dir, 'empty', name), 'other'), { reason: /name is one of settings/ }, name)
  t.equal(await refusalOf(join(dir, 'empty/sds.json'), 'other'), null)
})

t.test('a folder with too many names is not looked through', async (t) => {
  const dir = t.testdir({})
  for (let index = 0; index <= 1000; index += 1) writeFileSync(join(dir, `${index}.pem`), '')

  t.match(await refusalOf(join(dir, 'new.pem'), 'certificate'), { reason: /more than 1000 names/ })
})

t.test('what a link leads to outside of the roots is not looked at, and judged by its name', async (t) => {
  const dir = t.testdir({ outside: { 'ca.crt': 'x', passwords: 'x', 'evil.conf': 'x', sub: {} }, tls: {} })
  for (const name of ['ca.crt', 'passwords', 'evil.conf']) {
    const [path, link] = [join(dir, 'outside', name), join(dir, 'tls', 'link.pem')]
    utimesSync(path, new Date('2001-01-01'), new Date('2002-01-01'))
    symlinkSync(path, link)

    const refusal = await refusalOf(join(dir, 'tls/new.pem'), 'certificate')

    if (name === 'ca.crt') t.equal(refusal, null)
    else t.match(refusal, { reason: /holds other things than certificates and keys: link\.pem/ }, name)
    t.equal(statSync(path).atime.getUTCFullYear(), 2001, `${name} was read`)
    unlinkSync(link)
  }
  symlinkSync(join(dir, 'outside/ca.crt'), join(dir, 'tls/include'))
  t.match(await refusalOf(join(dir, 'tls/new.pem'), 'certificate'), { reason: /: include$/ })
})

interface Known {
  readonly isRecorded?: boolean
  /** Whether its role is known where the settings name it. */
  readonly named?: boolean
  /** Policy names its folder. */
  readonly isNamed?: boolean
  readonly contents?: string
}

/** The details of the refusal; null: it may be written. */
async function refusalOf(path: string, role: FileRole, known: Known = {}): Promise<unknown> {
  const { isRecorded = false, named, isNamed = false, contents = 'new' } = known
  const wiring: PlannedWiring = { read: [], unread: [], untold: [], doubts: [], names: [] }
  const file: Placed = {
    path,
    role,
    place: path,
    contents: Buffer.from(contents),
    live: liveAt(path),
    keeper: isNamed ? { uid: 0, gid: null } : null,
  }
  const wired = named === undefined ? wiring : { ...wiring, named: [{ path, isRoleKnown: named }] }
  try {
    await requireFitting([file], wired, async () => isRecorded, [dirname(path)])
    return null
  } catch (error) {
    if (error instanceof WaxsealError && error.code === 'PATH_NOT_ALLOWED') return error.details
    throw error
  }
}

function liveAt(path: string): Placed['live'] {
  try {
    return { bytes: readFileSync(path), mode: statSync(path).mode & 0o7777 }
  } catch {
    return null
  }
}

function placeIn(base: string, folder: string, files: Readonly<Record<string, string>>): string {
  const dir = join(base, folder)
  mkdirSync(dir, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}
