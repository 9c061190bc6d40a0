import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commitFiles } from '../../../src/apply/commit.ts'
import { type PreparedChanges, prepareChanges } from '../../../src/apply/prepare-changes.ts'
import { stageFiles } from '../../../src/apply/stage.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { recover } from '../../../src/deployer/recover.ts'
import { makeFolder, makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import { restoreFiles } from '../../../src/rollback/restore-files.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { plannedFile } from '../../support/changes.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const [first, second] = await Promise.all([authority.issue({ names }), authority.issue({ names })])

interface Fixed {
  readonly what: string
  readonly reason: RegExp
  /** Makes it so. Returns how it is undone. */
  fix(t: Test, keyPath: string): Promise<void>
}

const fixed: readonly Fixed[] = [
  {
    what: 'a key that is mounted by itself',
    reason: /mount its folder in its place/,
    fix: async (t, keyPath) => {
      const other = `${keyPath}.mounted`
      await writeFile(other, await readFile(keyPath), { mode: 0o600 })
      await runOrThrow(['mount', '--bind', other, keyPath])
      t.teardown(() => runOrThrow(['umount', keyPath]))
    },
  },
  ...['i', 'a'].flatMap((attribute): readonly Fixed[] => [
    {
      what: `a key with the attribute ${attribute}`,
      reason: /chattr -i -a/,
      fix: (t, keyPath) => setAttribute(t, attribute, keyPath),
    },
    {
      what: `a folder with the attribute ${attribute}`,
      reason: /chattr -i -a/,
      fix: (t, keyPath) => setAttribute(t, attribute, join(keyPath, '..')),
    },
  ]),
  {
    what: 'a folder that is read-only, as a unit makes it',
    reason: /ReadWritePaths=\/\S*\/tls\)$/,
    fix: async (t, keyPath) => {
      const folder = join(keyPath, '..')
      await runOrThrow(['mount', '--bind', folder, folder])
      t.teardown(() => runOrThrow(['umount', folder]))
      await runOrThrow(['mount', '-o', 'remount,bind,ro', folder])
    },
  },
]

for (const [name, start] of [
  ['postfix', startPostfix],
  ['dovecot', startDovecot],
] as const) {
  t.test(`${name}: what cannot be replaced is refused with the way out`, { skip: unlessInstalled(name) }, async (t) => {
    const dir = await makeTemporaryFolder('waxseal-fixed-')
    const daemon = await start(dir, first)
    t.teardown(async () => {
      await daemon.stop()
      await removeWhenQuiet(dir)
    })
    const engine = await openTestEngine(dir, [daemon.check.join(' '), daemon.reload.join(' ')])
    for (const { what, reason, fix } of fixed) {
      await t.test(`${what}: nothing is touched, and nothing is left beside it`, async (t) => {
        await fix(t, daemon.keyPath)
        const before = await filesOf(daemon)
        const listed = await readdir(join(daemon.keyPath, '..'))

        const outcome = await deployPair(engine, daemon, second)

        t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'STAGE_FAILED', stage: 'policy' })
        t.match(outcome.message, reason)
        t.same(await filesOf(daemon), before)
        t.same(await readdir(join(daemon.keyPath, '..')), listed)
        t.same(new Set(await leavesOf(daemon)), new Set([first.sha256]))
        t.same(await engine.journal.list(), [])
      })
    }

    await t.test('a pair that is there already is unchanged, wherever it is', async (t) => {
      t.match(await deployPair(engine, daemon, second), { outcome: 'deployed' })
      await setAttribute(t, 'i', daemon.keyPath)

      t.match(await deployPair(engine, daemon, second), { outcome: 'unchanged', host: 'untouched' })
    })
  })
}

t.test('a new file in a folder that only takes additions is refused: no key is left there', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-fixed-')
  t.teardown(() => removeWhenQuiet(dir))
  const folder = join(dir, 'tls')
  await makeFolder(folder)
  await writeFile(join(folder, 'README'), 'certificates')
  await setAttribute(t, 'a', folder)
  const engine = await openTestEngine(dir, ['true'])
  const daemon = { name: 'stand-in', certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') } as const
  const commands = { check: ['true'], reload: ['true'] } as const

  const outcome = await deployPair(engine, { ...daemon, ...commands, ports: [], stop: async () => {} }, second)

  t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'STAGE_FAILED' })
  t.same(await readdir(folder), ['README'])
})

for (const { what, fix } of fixed.slice(0, 2)) {
  t.test(`where ${what} came to be between look and commit, the rollback leaves no copy behind`, async (t) => {
    const { dir, changes, keyPath } = await staged(t)
    await fix(t, keyPath)

    await t.rejects(commitFiles(changes), { code: 'COMMIT_FAILED' })
    await restoreFiles(changes)

    t.same(
      (await readdir(dir)).filter((name) => name.startsWith('.waxseal')),
      [],
    )
    t.equal(await readFile(keyPath, 'utf8'), 'old key')
    t.equal(await readFile(join(dir, 'cert.pem'), 'utf8'), 'old certificate')
  })
}

t.test('recovery of a commit that moved no file in runs no command: nobody can have read a new one', async (t) => {
  const { dir, changes, keyPath } = await staged(t)
  const engine = await openTestEngine(dir, [])
  const files = changes.files.map(({ contents: _, live: __, ...change }) => change)
  const certificate = { names, serial: '1', notBefore: '', notAfter: '', spkiSha256: '', sha256: first.sha256 }
  await engine.journal.put('mail', {
    service: 'postfix',
    begun: '2026-11-24T00:00:00Z',
    phase: 'deploying',
    deployments: [
      {
        connector: 'postfix',
        target: 'mail',
        files,
        link: null,
        probes: [],
        retry: { attempts: 1, initialMs: 0, maxMs: 0 },
        oldLeaves: [],
        newLeaf: first.sha256,
        record: { certificate, planDigest: first.sha256, files: [], check: null },
      },
    ],
    checks: [],
    activate: [],
    recover: [['false']],
  })
  await setAttribute(t, 'i', join(dir, 'cert.pem'))
  await t.rejects(commitFiles(changes), { code: 'COMMIT_FAILED' })

  t.match(await recover(engine), [{ target: 'mail', did: 'put back', error: null }])

  t.same(
    (await readdir(dir)).filter((name) => name.startsWith('.waxseal-')),
    [],
  )
  t.equal(await readFile(keyPath, 'utf8'), 'old key')
  t.same(await engine.journal.list(), [])
})

/** A certificate and a key whose new versions are staged, certificate first. */
async function staged(
  t: Test,
): Promise<{ readonly dir: string; readonly changes: PreparedChanges; readonly keyPath: string }> {
  const dir = await makeTemporaryFolder('waxseal-fixed-')
  t.teardown(() => removeWhenQuiet(dir))
  const destined = ['cert.pem', 'key.pem'].map((name) => {
    const path = join(dir, name)
    return { file: plannedFile(path, `new ${name}`), destination: path }
  })
  await writeFile(join(dir, 'cert.pem'), 'old certificate')
  await writeFile(join(dir, 'key.pem'), 'old key', { mode: 0o600 })
  const changes = await prepareChanges(destined, null)
  await stageFiles(changes)
  return { dir, changes, keyPath: join(dir, 'key.pem') }
}

async function setAttribute(t: Test, attribute: string, path: string): Promise<void> {
  await runOrThrow(['chattr', `+${attribute}`, path])
  t.teardown(() => runOrThrow(['chattr', `-${attribute}`, path]))
}
