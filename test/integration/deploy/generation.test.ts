import { readdir, readFile, readlink, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { type PairPaths, startPostfix, writePair } from '../../../src/demo/mail-host/postfix-instance.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })
const first = 'generations/20260101T000000Z-00000000'

type Start = (dir: string, pair: TestPair, paths: PairPaths) => Promise<Daemon>

const daemons: readonly (readonly ['postfix' | 'dovecot', Start])[] = [
  ['postfix', (dir, pair, paths) => startPostfix(dir, pair, paths)],
  ['dovecot', (dir, pair, paths) => startDovecot(dir, pair, paths)],
]

for (const [name, start] of daemons) {
  t.test(`generations before a real ${name}`, { skip: unlessInstalled(name) }, async (t) => {
    const host = await openHost(t, start, { certPath: 'current/cert.pem', keyPath: 'current/key.pem' })
    const { daemon, directory, deploy, linkOf, generations } = host
    const [second, third] = await Promise.all([issue(), issue()])
    const another = await serveAnotherLeaf(t)

    await t.test('a new pair is a new generation, switched by the link alone, and the old one goes', async (t) => {
      const outcome = await deploy(second)

      t.match(outcome, { outcome: 'deployed', host: 'changed', code: null })
      t.same(await leavesOf(daemon), all(daemon, second))
      t.match(await linkOf(), /^generations\/\d{8}T\d{6}Z-[0-9a-f]{8}$/)
      t.same(await generations(), [(await linkOf()).slice('generations/'.length)])
      t.same((await readdir(directory)).toSorted(), ['current', 'generations'])
      t.same((await readdir(join(directory, 'current'))).toSorted(), ['cert.pem', 'key.pem'])
      t.match(await filesOf(daemon), [
        { bytes: second.certificatePem.trim(), mode: 0o644, uid: 0, gid: 0 },
        { bytes: second.keyPem.trim(), mode: 0o600, uid: 0, gid: 0 },
      ])
    })

    await t.test('the same pair again is unchanged: the link stays', async (t) => {
      const before = await linkOf()

      t.match(await deploy(second), { outcome: 'unchanged', host: 'untouched' })

      t.equal(await linkOf(), before)
      t.equal((await generations()).length, 1)
    })

    const failures = [
      ['a reload that fails', 'ACTIVATE_FAILED', { reload_command: 'false' }],
      [
        'a verification that fails',
        'VERIFY_FAILED',
        { endpoints: undefined, post_deploy_verify: { endpoint: another }, post_deploy_verify_attempts: 1 },
      ],
    ] as const
    for (const [what, code, changes] of failures) {
      await t.test(`after ${what} the link leads to the old generation, and the new one is gone`, async (t) => {
        const before = [await linkOf(), await generations(), await filesOf(daemon)]

        const outcome = await deploy(third, changes)

        t.match(outcome, { outcome: 'rolled-back', host: 'restored', code })
        t.same([await linkOf(), await generations(), await filesOf(daemon)], before)
        t.same(await leavesOf(daemon), all(daemon, second))
        t.same((await readdir(directory)).toSorted(), ['current', 'generations'])
      })
    }

    await t.test('the next pair takes the place of the one before; what is not ours stays', async (t) => {
      await makeFolder(join(directory, 'generations', 'by-hand'))

      const outcome = await deploy(third)

      t.match(outcome, { outcome: 'deployed', host: 'changed' })
      t.same(await leavesOf(daemon), all(daemon, third))
      t.same(await generations(), [(await linkOf()).slice('generations/'.length), 'by-hand'])
    })
  })

  t.test(`one bundle in a generation before a real ${name}`, { skip: unlessInstalled(name) }, async (t) => {
    const host = await openHost(t, start, { certPath: 'current/bundle.pem', keyPath: 'current/bundle.pem' })
    const { daemon, directory, deploy } = host
    const second = await issue()

    const outcome = await deploy(second)

    t.match(outcome, { outcome: 'deployed', files: [{ path: daemon.certPath, role: 'bundle' }] })
    t.equal(outcome.files.length, 1)
    t.same(await leavesOf(daemon), all(daemon, second))
    t.same(await readdir(join(directory, 'current')), ['bundle.pem'])
    t.equal(await readFile(daemon.certPath, 'utf8'), second.keyPem + second.certificatePem + second.chainPem)
    t.equal((await stat(daemon.certPath)).mode & 0o7777, 0o600)
  })
}

t.test('where no link is yet', { skip: unlessInstalled('postfix') }, async (t) => {
  const host = await openHost(t, startPostfix, { certPath: 'current/cert.pem', keyPath: 'current/key.pem' })
  const pair = await issue()
  const directory = join(dirname(host.directory), 'new')
  await makeFolder(directory)
  const elsewhere = { directory, cert_path: undefined, key_path: undefined, endpoints: [], reload_command: 'true' }

  await t.test('a deployment that fails leaves none', async (t) => {
    const outcome = await host.deploy(pair, { ...elsewhere, validate_command: host.hasNoNewLink })

    t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'CHECK_FAILED' })
    t.same(await readdir(directory, { recursive: true }), [])
  })

  await t.test('the first deployment makes it, and every user may enter the generation', async (t) => {
    const umask = process.umask(0o077)
    const outcome = await host.deploy(pair, elsewhere).finally(() => process.umask(umask))

    t.match(outcome, { outcome: 'deployed', host: 'changed' })
    t.equal(await readFile(join(directory, 'current/cert.pem'), 'utf8'), pair.certificatePem + pair.chainPem)
    for (const folder of ['generations', 'current']) t.equal((await stat(join(directory, folder))).mode & 0o777, 0o755)
  })
})

t.test('what cannot be a generation', { skip: unlessInstalled('postfix') }, async (t) => {
  const host = await openHost(t, startPostfix, { certPath: 'current/cert.pem', keyPath: 'current/key.pem' })
  const pair = await issue()
  const dir = dirname(host.directory)
  await makeFolder(join(dir, 'real', 'current'))
  await makeFolder(join(dir, 'linked'))
  const outside = await makeTemporaryFolder('waxseal-outside-')
  t.teardown(() => removeTree(outside))
  await symlink(outside, join(dir, 'linked', 'generations'))

  const refused = [
    ['a `current` that is a real folder', join(dir, 'real'), 'STAGE_FAILED', /no symlink/],
    ['a directory outside the roots', outside, 'PATH_NOT_ALLOWED', /./],
    ['a directory that is not there', join(dir, 'nowhere'), 'PATH_NOT_ALLOWED', /./],
    ['generations that are kept outside the roots', join(dir, 'linked'), 'PATH_NOT_ALLOWED', /generations/],
  ] as const
  for (const [what, directory, code, message] of refused) {
    await t.test(`${what} is refused, and nothing is written`, async (t) => {
      const outcome = await host.deploy(pair, { directory, cert_path: undefined, key_path: undefined })

      t.match(outcome, { outcome: 'refused', host: 'untouched', code, message })
      t.same(await readdir(outside), [])
      t.equal(await host.linkOf(), first)
    })
  }
})

interface Host {
  readonly daemon: Daemon
  /** The folder of the `current` link. */
  readonly directory: string
  /** A check that fails once there is a link in the folder `new`. */
  readonly hasNoNewLink: string
  deploy(pair: TestPair, changes?: Readonly<Record<string, unknown>>): Promise<Outcome>
  linkOf(): Promise<string>
  generations(): Promise<readonly string[]>
}

/** A daemon that reads through a link that an administrator made, and an engine that deploys generations. */
async function openHost(t: Test, start: Start, names: PairPaths): Promise<Host> {
  const dir = await makeTemporaryFolder('waxseal-generation-')
  const directory = join(dir, 'tls')
  const pair = await issue()
  const paths = { certPath: join(directory, names.certPath), keyPath: join(directory, names.keyPath) }
  await makeFolder(join(directory, first))
  await symlink(first, join(directory, 'current'))
  await writePair(pair, paths)
  const daemon = await start(dir, pair, paths)
  t.teardown(async () => {
    await daemon.stop()
    await removeWhenQuiet(dir)
  })
  const hasNoNewLink = join(dir, 'has-no-new-link')
  await writeText(hasNoNewLink, `#!/bin/sh\n[ ! -e ${dir}/new/current ]\n`, 0o755)
  const own = [daemon.check, daemon.reload].map((command) => command.join(' '))
  const commands = [...own, 'true', 'false', hasNoNewLink]
  const engine = await openTestEngine(dir, commands)
  return {
    daemon,
    directory,
    hasNoNewLink,
    deploy: (next, changes = {}) => deployPair(engine, daemon, next, { layout: 'generation', directory, ...changes }),
    linkOf: () => readlink(join(directory, 'current')),
    generations: async () => (await readdir(join(directory, 'generations'))).toSorted(),
  }
}

function all(daemon: Daemon, { sha256 }: TestPair): readonly string[] {
  return daemon.ports.map(() => sha256)
}
