import { chmod, chown, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { type PairPaths, pairPathsIn, startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import { runCommand } from '../../../src/host/process/command.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { startFor } from '../connector/behaves-like-a-mail-daemon.ts'
import { startExim, unlessUnpacked } from '../connector/conflicting-daemons.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const [first, second, third] = await Promise.all([1, 2, 3].map(() => authority.issue({ names })))
if (first === undefined || second === undefined || third === undefined) throw new Error('three pairs')

for (const [name, start] of [
  ['postfix', startPostfix],
  ['dovecot', startDovecot],
] as const) {
  for (const [what, one] of [
    ['a key', false],
    ['a file that holds both', true],
  ] as const) {
    t.test(
      `${name}: ${what} that everybody may read is followed by one that they may not`,
      {
        skip: unlessInstalled(name),
      },
      async (t) => {
        const { daemon, engine } = await open(t, start, one)
        await chmod(daemon.keyPath, 0o644)

        const outcome = await deployPair(engine, daemon, second)

        t.match(outcome, { outcome: 'deployed', warnings: [/Everybody may read .*its mode is 0640/] })
        t.equal((await stat(daemon.keyPath)).mode & 0o7777, 0o640)
        t.not(await readBy('nobody', daemon.keyPath), 0)
        t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]))

        await chmod(daemon.keyPath, 0o644)
        const again = await deployPair(engine, daemon, second)

        t.match(again, { outcome: 'deployed' }, 'the same bytes, open to everybody, are not as they are to be')
        t.equal((await stat(daemon.keyPath)).mode & 0o7777, 0o640)
      },
    )
  }
}

t.test(
  'a certificate that becomes the file for both is for its owner alone',
  {
    skip: unlessInstalled('postfix'),
  },
  async (t) => {
    const { dir, daemon, engine } = await open(t, startPostfix, false)
    await chown(daemon.certPath, 0, 65_534)
    const postconf = `smtpd_tls_chain_files=${daemon.certPath}`
    await runOrThrow(['postconf', '-c', join(dir, 'etc'), '-e', postconf])

    const outcome = await deployPair(engine, { ...daemon, keyPath: daemon.certPath }, second)

    t.match(outcome, { outcome: 'deployed', warnings: [/its mode is 0600/] })
    t.match(await stat(daemon.certPath), { uid: 0, gid: 0 })
    t.equal((await stat(daemon.certPath)).mode & 0o7777, 0o600)
    t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]))
  },
)

t.test(
  'exim: a key of root that it read as everybody becomes one of its group',
  { skip: unlessUnpacked() },
  async (t) => {
    const { daemon, engine } = await startFor(t, startExim)
    await chown(daemon.keyPath, 0, 0)
    await chmod(daemon.keyPath, 0o644)

    t.match(await deployPair(engine, daemon, second), { outcome: 'deployed', code: null })

    t.equal((await stat(daemon.keyPath)).mode & 0o7777, 0o640)
    t.not(await readBy('nobody', daemon.keyPath), 0)
    t.equal(await readBy('Debian-exim', daemon.keyPath), 0)
    t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]))
  },
)

t.test(
  'the default list of a folder opens no key: neither the new one, nor the kept one',
  {
    skip: unlessInstalled('postfix', 'setfacl'),
  },
  async (t) => {
    const { daemon, engine } = await open(t, startPostfix, false)
    await runOrThrow(['setfacl', '-d', '-m', 'u:nobody:rw', dirname(daemon.keyPath)])

    for (const [pair, key_file_mode] of [
      [second, '0640'],
      [third, undefined],
      [first, '0600'],
    ] as const) {
      const outcome = await deployPair(engine, daemon, pair, { key_file_mode })

      t.match(outcome, { outcome: 'deployed', code: null })
      t.not(await readBy('nobody', daemon.keyPath), 0, `mode ${key_file_mode}`)
    }
    t.same((await readdir(dirname(daemon.keyPath))).toSorted(), ['cert.pem', 'key.pem'])
  },
)

async function open(t: Test, start: typeof startPostfix | typeof startDovecot, isOne: boolean) {
  const dir = await makeTemporaryFolder('waxseal-modes-')
  await chmod(dir, 0o755)
  const { certPath, keyPath }: PairPaths = pairPathsIn(dir)
  const daemon = await start(dir, first as NonNullable<typeof first>, { certPath: isOne ? keyPath : certPath, keyPath })
  t.teardown(async () => {
    await daemon.stop()
    await removeWhenQuiet(dir)
  })
  return { dir, daemon, engine: await openTestEngine(dir, [daemon.check.join(' '), daemon.reload.join(' ')]) }
}

/** What cat(1) of that user ends with. */
async function readBy(user: string, path: string): Promise<number | null> {
  const command = [
    'setpriv',
    `--reuid=${user}`,
    `--regid=${user === 'nobody' ? 'nogroup' : user}`,
    '--clear-groups',
  ] as const
  return (await runCommand([...command, 'cat', path], { timeoutMs: 10_000 })).exitCode
}
