import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Test } from 'tap'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import type { FirstPair } from '../../../src/demo/mail-host/postfix-instance.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { deployPair, filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

/** What a test of one daemon has beside what all are tested for. */
export interface RunningDaemon {
  readonly daemon: Daemon
  readonly engine: Engine
  /** Served at first. */
  readonly first: TestPair
  issue(): Promise<TestPair>
}

/** Starts a daemon until the end of the test, and an engine that may run its commands. */
export async function startFor(
  t: Test,
  start: (dir: string, pair: FirstPair) => Promise<Daemon>,
): Promise<RunningDaemon> {
  const authority = await (await makeAuthority()).intermediate()
  const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })
  const dir = await makeTemporaryFolder('waxseal-test-')
  t.teardown(() => removeWhenQuiet(dir))
  const first = await issue()
  const daemon = await start(dir, first)
  t.teardown(() => daemon.stop())
  const commands = [...[daemon.check, daemon.reload].map((command) => command.join(' ')), 'false']
  return { daemon, engine: await openTestEngine(dir, commands), first, issue }
}

/** Deployed, unchanged, refused, and undone where check, activation or verification fails: on every port, by openssl(1). */
export async function behavesLikeAMailDaemon(t: Test, { daemon, engine, first, issue }: RunningDaemon): Promise<void> {
  const [second, third] = await Promise.all([issue(), issue()])
  const all = (sha256: string): readonly string[] => daemon.ports.map(() => sha256)

  await t.test('a new pair is deployed: every port serves it, mode and owner are kept', async (t) => {
    const { mode, uid, gid } = await stat(daemon.keyPath)
    t.same(await leavesOf(daemon), all(first.sha256))

    const outcome = await deployPair(engine, daemon, second)

    t.match(outcome, { outcome: 'deployed', host: 'changed', code: null })
    t.ok(outcome.probes.every((probe) => probe.ok && probe.seen === second.sha256))
    t.same(await leavesOf(daemon), all(second.sha256))
    t.match(await stat(daemon.keyPath), { mode, uid, gid })
    t.same((await readdir(dirname(daemon.certPath))).toSorted(), ['cert.pem', 'key.pem'])
  })

  await t.test('the same pair again is unchanged: no file is touched', async (t) => {
    const before = await stat(daemon.certPath)

    const outcome = await deployPair(engine, daemon, second)

    t.match(outcome, { outcome: 'unchanged', host: 'untouched', code: null })
    t.same(await stat(daemon.certPath), before)
  })

  const refusals = [
    ['the key of another certificate', 'KEY_MISMATCH', { ...third, keyPem: first.keyPem }, {}],
    ['a path outside the roots', 'PATH_NOT_ALLOWED', third, { cert_path: '/usr/lib/cert.pem' }],
    ['a command that nobody allowed', 'COMMAND_NOT_ALLOWED', third, { reload_command: 'rm -rf /' }],
  ] as const
  for (const [what, code, pair, changes] of refusals) {
    await t.test(`${what} is refused and the host is untouched`, async (t) => {
      const before = await filesOf(daemon)

      const outcome = await deployPair(engine, daemon, pair, changes)

      t.match(outcome, { outcome: 'refused', host: 'untouched', code })
      t.same(await filesOf(daemon), before)
      t.same(await leavesOf(daemon), all(second.sha256))
    })
  }

  const failures = [
    ['a check that fails', 'PREFLIGHT_FAILED', { validate_command: 'false' }],
    ['an activation that fails', 'ACTIVATE_FAILED', { reload_command: 'false' }],
    [
      'a verification that fails',
      'VERIFY_FAILED',
      {
        endpoints: [
          ...daemon.ports.map(({ port, protocol }) => ({ endpoint: `127.0.0.1:${port}`, protocol })),
          await serveAnotherLeaf(t),
        ],
        post_deploy_verify_attempts: 5,
        post_deploy_verify_backoff: '100ms',
      },
    ],
  ] as const
  for (const [what, code, changes] of failures) {
    await t.test(`after ${what} the old leaf is proven to be served again`, async (t) => {
      const before = await filesOf(daemon)

      const outcome = await deployPair(engine, daemon, third, changes)

      t.match(outcome, { outcome: 'rolled-back', host: 'restored', stage: 'rollback', code })
      t.same(await filesOf(daemon), before)
      t.same(await leavesOf(daemon), all(second.sha256))
      t.equal(await readFile(daemon.certPath, 'utf8'), second.certificatePem + second.chainPem)
    })
  }
}
