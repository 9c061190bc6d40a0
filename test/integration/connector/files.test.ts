import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runOrThrow, waitForPorts } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { deployAgain } from '../../../src/deployer/deploy-again.ts'
import { inspect } from '../../../src/deployer/inspect.ts'
import { freePorts, makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { servedLeaf } from '../../support/served-leaf.ts'

const authority = await (await makeAuthority()).intermediate()

t.test('on a real stunnel, which has no connector of its own', { skip: unlessInstalled('stunnel') }, async (t) => {
  const { dir, engine, paths, target, pairs, deployPair, served } = await open(t)
  const [first, second, third] = pairs
  const versions = (): Promise<readonly string[]> =>
    Promise.all(
      Object.values(paths).map(async (path) =>
        stat(path).then(
          async ({ mode, gid }) => `${mode & 0o777} ${gid} ${await readFile(path, 'latin1')}`,
          () => 'absent',
        ),
      ),
    )

  await t.test(
    'a store whose password the host does not keep is refused, and the outcome names the file to make',
    async (t) => {
      const outcome = await deployPair(second)

      t.match(outcome, { outcome: 'refused', code: 'TARGET_INVALID', host: 'untouched' })
      t.match(outcome.message, `this host keeps no such password: ${join(dir, 'passwords', 'java')} is not there`)
    },
  )

  await writeFile(join(dir, 'passwords', 'java'), 'correct horse\n', { mode: 0o600 })

  await t.test('what the policy does not allow to be run is refused', async (t) => {
    const outcome = await deployPair(second, { reload_command: 'pkill -HUP stunnel' })

    t.match(outcome, { outcome: 'refused', code: 'COMMAND_NOT_ALLOWED', host: 'untouched' })
    t.equal(await served(), first.sha256)
  })

  await t.test('every file is written in its format, mode and group, and the new leaf is served', async (t) => {
    const outcome = await deployPair(second)

    t.match(outcome, { outcome: 'deployed', host: 'changed', probes: [{ ok: true, seen: second.sha256 }] })
    t.equal(await served(), second.sha256)
    t.equal(await readFile(paths.chained, 'utf8'), second.keyPem + second.certificatePem + second.chainPem)
    t.equal(
      new X509Certificate(await readFile(paths.der)).fingerprint256,
      new X509Certificate(second.certificatePem).fingerprint256,
    )
    t.match(await stat(paths.store), { gid: 8 })
    t.same(await Promise.all(Object.values(paths).map(async (path) => ((await stat(path)).mode & 0o777).toString(8))), [
      '600',
      '640',
      '644',
      '644',
    ])
  })

  await t.test('the store opens with the password, and no report has a digest of a key', async (t) => {
    await runOrThrow([
      'openssl',
      'pkcs12',
      '-in',
      paths.store,
      '-passin',
      `file:${join(dir, 'passwords', 'java')}`,
      '-noout',
    ])

    const [record] = await engine.records.list()

    t.notMatch(JSON.stringify(record), /correct horse|PRIVATE KEY/)
  })

  await t.test('the pair that was there before, in two files, is kept below the new one', async (t) => {
    const kept = await engine.archive.list('tunnel')

    t.same(
      kept.map(({ sha256 }) => sha256),
      [second.sha256, first.sha256],
    )
  })

  await t.test('the same pair again is unchanged, the store included', async (t) => {
    t.match(await deployPair(second), { outcome: 'unchanged', host: 'untouched' })
  })

  for (const [what, code, changes] of [
    ['a check that fails', 'PREFLIGHT_FAILED', { validate_command: 'false' }],
    ['a reload that fails', 'ACTIVATE_FAILED', { reload_command: 'false' }],
    ['a verification that fails', 'VERIFY_FAILED', { endpoints: [await serveAnotherLeaf(t)] }],
  ] as const)
    await t.test(`after ${what} every file is as it was, and the old leaf is served`, async (t) => {
      const before = await versions()

      const outcome = await deployPair(third, { ...changes, post_deploy_verify_attempts: 1 })

      t.match(outcome, { outcome: 'rolled-back', host: 'restored', code })
      t.same(await versions(), before)
      t.equal(await served(), second.sha256)
    })

  await t.test('without a reload command it is deployed, and the outcome says that nothing was reloaded', async (t) => {
    const { reload_command: _, endpoints: __, ...rest } = target

    const outcome = await deployPair(third, {}, rest)

    t.match(outcome, { outcome: 'deployed' })
    t.match(outcome.warnings, [/ is not reloaded, for the target has no reload_command/])
    t.equal(await served(), second.sha256)
  })

  await t.test('an older pair is deployed again, from the archive', async (t) => {
    t.match(await deployPair(third), { outcome: 'deployed' })

    const outcome = await deployAgain('tunnel', {}, engine, () => {})

    t.match(outcome, { outcome: 'deployed' })
    t.equal(await served(), second.sha256)
  })

  await t.test('a file that somebody changed is drift', async (t) => {
    await writeFile(paths.store, 'not a store')
    const record = await engine.records.get('tunnel')

    const { reasons } = record === null ? { reasons: [] } : await inspect(record, engine, { withCheck: true })

    t.same(reasons, [`${paths.store} is not what was deployed.`])
  })
})

/** An stunnel that serves the first of three pairs, and an engine that may deploy to it. */
async function open(t: Test) {
  const dir = await makeTemporaryFolder('waxseal-files-')
  const issue = (): Promise<TestPair> => authority.issue({ names: ['tunnel.example.net'] })
  const pairs = [await issue(), await issue(), await issue()] as const
  const [first] = pairs
  const [port = 0] = await freePorts(1)
  const paths = {
    chained: join(dir, 'chained.pem'),
    store: join(dir, 'store.p12'),
    der: join(dir, 'leaf.der'),
    full: join(dir, 'full.pem'),
  }
  const pidFile = join(dir, 'stunnel.pid')
  const config = join(dir, 'stunnel.conf')
  await mkdir(join(dir, 'passwords'), { mode: 0o700 })
  await writeFile(paths.full, first.certificatePem + first.chainPem)
  await writeFile(paths.chained, first.keyPem + first.certificatePem + first.chainPem, { mode: 0o600 })
  await writeFile(
    config,
    `pid = ${pidFile}\noutput = ${dir}/log\n[tls]\naccept = 127.0.0.1:${port}\nconnect = 127.0.0.1:1\ncert = ${paths.chained}\n`,
  )
  await runOrThrow(['stunnel', config])
  t.teardown(async () => {
    await runOrThrow(['pkill', '-TERM', '-F', pidFile])
    await removeWhenQuiet(dir)
  })
  await waitForPorts([{ name: 'tls', port, protocol: 'tls' }])
  const reload = `pkill -HUP -F ${pidFile}`
  const check = `openssl x509 -in ${paths.chained} -noout`
  const target = {
    service: 'stunnel',
    files: [
      { path: paths.chained, format: 'key-and-chain' },
      { path: paths.store, format: 'pkcs12', password_name: 'java', mode: '0640', group: 'mail' },
      { path: paths.der, format: 'der' },
      { path: paths.full, format: 'fullchain' },
    ],
    validate_command: check,
    reload_command: reload,
    endpoints: [`127.0.0.1:${port}`],
  }
  const engine = await openTestEngine(dir, [reload, check, 'false'], { password_dir: join(dir, 'passwords') })
  const deployPair = (pair: TestPair, changes: object = {}, base: object = target): Promise<Outcome> =>
    deploy(
      {
        target: 'tunnel',
        connector: 'Files',
        config: { ...base, ...changes },
        certificatePem: pair.certificatePem,
        chainPem: pair.chainPem,
        findKey: async () => pair.keyPem,
      },
      engine,
    )
  const served = (): Promise<string | null> => servedLeaf({ port, protocol: 'tls' })
  return { dir, engine, paths, target, pairs, deployPair, served }
}
