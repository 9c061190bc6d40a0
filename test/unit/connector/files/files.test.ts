import { createPrivateKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import { files } from '../../../../src/connector/files/files.ts'
import type { HostPassword } from '../../../../src/connector/host-view.ts'
import { planFor } from '../../../../src/connector/planner/plan-for.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { parseMaterial } from '../../../../src/material/parse-material.ts'
import type { Plan } from '../../../../src/plan/plan.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { recordedHost } from '../recorded-host.ts'

const authority = await (await makeAuthority()).intermediate()
const material = await parseMaterial({ ...(await authority.issue({ names: ['mail.example.net'] })), now: new Date() })
const leaf = material.leaf.pem
const chain = material.chain.map(({ pem }) => pem).join('')
const key = material.keyPem

for (const [format, role, text] of [
  ['certificate', 'certificate', leaf],
  ['chain', 'chain', chain],
  ['fullchain', 'certificate', leaf + chain],
  ['key', 'key', key],
  ['key-and-chain', 'bundle', key + leaf + chain],
  ['bundle', 'bundle', leaf + chain + key],
] as const)
  t.test(`${format} is a ${role}`, async (t) => {
    const { files } = await plan([{ path: '/srv/a', format }])

    t.match(files, [{ path: '/srv/a', role, mode: 'keep', owner: 'keep', group: 'keep' }])
    t.equal(Buffer.from(files[0]?.contents ?? []).toString(), text)
  })

t.test('der is the leaf, key-der the key as PKCS#8, and pkcs12 a bundle of both', async (t) => {
  const { files } = await plan([
    { path: '/srv/a.der', format: 'der' },
    { path: '/srv/a.key', format: 'key-der' },
    { path: '/srv/a.p12', format: 'pkcs12', password_name: 'java' },
  ])
  const [der, keyDer] = files.map(({ contents }) => Buffer.from(contents))

  t.same(
    files.map(({ role }) => role),
    ['certificate', 'key', 'bundle'],
  )
  t.equal(new X509Certificate(der ?? '').toString(), leaf)
  t.equal(
    createPrivateKey({ key: keyDer ?? '', format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }),
    key,
  )
})

t.test('files are renamed in by the order of the target', async (t) => {
  const { files } = await plan(['c', 'a', 'b'].map((name) => ({ path: `/srv/${name}`, format: 'chain' })))

  t.same(
    files.map(({ path }) => path),
    ['/srv/c', '/srv/a', '/srv/b'],
  )
})

t.test('mode, owner and group are per file, each alone', async (t) => {
  const { files } = await plan([
    { path: '/srv/a', format: 'key', mode: '0640' },
    { path: '/srv/b', format: 'certificate', mode: 420, owner: 'vmail' },
    { path: '/srv/c', format: 'chain', group: 'vmail' },
  ])

  t.same(
    files.map(({ mode, owner, group }) => [mode, owner, group]),
    [
      [0o640, 'keep', 'keep'],
      [0o644, 'vmail', 'keep'],
      ['keep', 'keep', 'vmail'],
    ],
  )
})

t.test('a file that holds the key and lets others in is refused, by its place', async (t) => {
  for (const format of ['key', 'key-and-chain', 'bundle', 'key-der', 'pkcs12']) {
    const named = format === 'pkcs12' ? { password_name: 'java' } : {}

    t.equal(await refused([{ path: '/srv/a', format, mode: '0644', ...named }]), 'files.0.mode', format)
  }
})

t.test('the commands are the target’s own, and one that reloads recovers', async (t) => {
  const { check, activate, recover, remarks, service } = await plan([{ path: '/srv/a', format: 'chain' }], {
    validate_command: 'prosodyctl check config',
    reload_command: 'prosodyctl reload',
  })

  t.equal(service, 'prosody')
  t.same(check, ['prosodyctl', 'check', 'config'])
  t.same([activate, recover], [[['prosodyctl', 'reload']], [['prosodyctl', 'reload']]])
  t.equal(remarks, undefined)
})

t.test('without commands nothing is run, and the plan says that nothing is reloaded', async (t) => {
  const { check, activate, recover, remarks } = await plan([{ path: '/srv/a', format: 'chain' }])

  t.same([check, activate, recover], [null, [], []])
  t.match(remarks, [/^prosody is not reloaded, .* it must see new files/])
})

t.test('a password is asked for by its name, and its store is the same each time', async (t) => {
  const asked: string[] = []
  const store = [{ path: '/srv/a', format: 'pkcs12', password_name: 'java', alias: 'mail server' }]
  const host = async (name: string): Promise<HostPassword> => {
    asked.push(name)
    return { password: 'secret' }
  }

  t.same(await plan(store, {}, host), await plan(store, {}, host))
  t.same(asked, ['java', 'java'])
})

t.test('a store without a password, and a password without a store, are refused', async (t) => {
  t.equal(await refused([{ path: '/srv/a', format: 'pkcs12' }]), 'files.0.password_name')
  t.equal(await refused([{ path: '/srv/a', format: 'key', password_name: 'java' }]), 'files.0.password_name')
})

t.test('a password that the host does not keep, or that programs read differently, is refused', async (t) => {
  const store = [{ path: '/srv/a', format: 'pkcs12', password_name: 'java' }]

  t.equal(await refused(store, {}, { reason: 'it is not there' }), 'files.0.password_name')
  for (const password of ['', 'pässword', 'two\nlines'])
    t.equal(await refused(store, {}, { password }), 'files.0.password_name')
})

t.test('a name of a password that is a path is refused', async (t) => {
  for (const name of ['../shadow', '/etc/shadow', '.hidden', 'a/b', ''])
    t.equal(await refused([{ path: '/srv/a', format: 'pkcs12', password_name: name }]), 'files.0.password_name', name)
})

t.test('a target without files or service, with an unknown format or service, is refused', async (t) => {
  const chain = { path: '/srv/a', format: 'chain' }

  t.equal(await refused([]), 'files')
  t.equal(await refused([{ ...chain, format: 'jks' }]), 'files.0.format')
  t.equal(await refused([chain], { service: 'a b' }), 'service')
  t.equal(await refused([chain], { service: undefined }), '')
})

function plan(
  list: readonly object[],
  changes: object = {},
  password: (name: string) => Promise<HostPassword> = async () => ({ password: 'secret' }),
): Promise<Plan> {
  const target: unknown = JSON.parse(JSON.stringify({ service: 'prosody', files: list, ...changes }))
  const host = { ...recordedHost({}, {}), password }
  return planFor(files, target, material, host, AbortSignal.timeout(60_000))
}

/** The field that TARGET_INVALID names. */
async function refused(
  list: readonly object[],
  changes: object = {},
  password: HostPassword = { password: 'secret' },
): Promise<unknown> {
  return plan(list, changes, async () => password).then(
    () => 'accepted',
    (error: unknown) =>
      error instanceof WaxsealError && error.code === 'TARGET_INVALID' ? error.details['field'] : String(error),
  )
}
