import { copyFile, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, dressKey, filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const root = await makeAuthority()
const authority = await root.intermediate()
const names = ['mail.example.net']

for (const [name, start] of [
  ['postfix', startPostfix],
  ['dovecot', startDovecot],
] as const) {
  t.test(`on a real ${name}`, { skip: unlessInstalled(name) }, async (t) => {
    const dir = await makeTemporaryFolder('waxseal-test-')
    const first = await authority.issue({ names })
    const daemon = await start(dir, first)
    t.teardown(async () => {
      await daemon.stop()
      await removeWhenQuiet(dir)
    })
    await dressKey(daemon)
    const all = (sha256: string): readonly string[] => daemon.ports.map(() => sha256)
    const isAsBefore = `cmp -s ${daemon.certPath} ${join(dir, 'before.pem')}`
    const commands = [...[daemon.check, daemon.reload].map((command) => command.join(' ')), 'true', 'false', isAsBefore]
    const engine = await openTestEngine(dir, commands)
    const another = await serveAnotherLeaf(t)
    const second = await authority.issue({ names })
    const third = await authority.issue({ names })

    await t.test(
      'a new pair is deployed: every port serves it, mode and owner are kept, nothing is left beside it',
      async (t) => {
        const outcome = await deployPair(engine, daemon, second)

        t.match(outcome, { outcome: 'deployed', host: 'changed', stage: 'settle', code: null })
        t.equal(outcome.probes.length, daemon.ports.length)
        t.ok(outcome.probes.every((probe) => probe.ok && probe.seen === second.sha256))
        t.same(await leavesOf(daemon), all(second.sha256))
        t.match(await filesOf(daemon), [
          { bytes: second.certificatePem.trim(), mode: 0o644, uid: 0, gid: 0 },
          { bytes: second.keyPem.trim(), mode: 0o640, uid: 0, gid: 8 },
        ])
        t.same((await readdir(dirname(daemon.certPath))).toSorted(), ['cert.pem', 'key.pem'])
      },
    )

    await t.test('the same pair again is unchanged: no file is touched', async (t) => {
      const before = await stat(daemon.certPath)

      const outcome = await deployPair(engine, daemon, second)

      t.match(outcome, { outcome: 'unchanged', host: 'untouched', code: null })
      t.same(await stat(daemon.certPath), before)
    })

    const expired = await authority.issue({ names, notBefore: new Date(0), notAfter: new Date(1e12) })
    const refusals = [
      ['the key of another certificate', 'KEY_MISMATCH', { ...third, keyPem: first.keyPem }, {}],
      ['garbage PEM', 'MATERIAL_INVALID', { ...third, certificatePem: 'garbage' }, {}],
      ['an expired certificate', 'CERTIFICATE_EXPIRED', expired, {}],
      ['a missing key', 'KEY_MISSING', { ...third, keyPem: '' }, {}],
      [
        'a chain in the wrong order',
        'CHAIN_BROKEN',
        { ...third, certificatePem: third.chainPem + third.certificatePem, chainPem: '' },
        {},
      ],
      ['a redacted path', 'TARGET_REDACTED', third, { key_path: '********' }],
      ['a path outside the roots', 'PATH_NOT_ALLOWED', third, { cert_path: '/usr/lib/cert.pem' }],
      ['a command that nobody allowed', 'COMMAND_NOT_ALLOWED', third, { reload_command: 'rm -rf /' }],
      ['a probe of a foreign address', 'PROBE_NOT_ALLOWED', third, { endpoints: ['192.0.2.1:25'] }],
      ['a check that fails before', 'PREFLIGHT_FAILED', third, { validate_command: 'false' }],
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
      ['a check that fails with the new files', 'CHECK_FAILED', { validate_command: isAsBefore }],
      ['a reload that fails', 'ACTIVATE_FAILED', { reload_command: 'false' }],
      [
        'a verification that fails',
        'VERIFY_FAILED',
        { endpoints: undefined, post_deploy_verify: { endpoint: another }, post_deploy_verify_attempts: 1 },
      ],
    ] as const
    for (const [what, code, changes] of failures) {
      await t.test(`after ${what} the old leaf is proven to be served again`, async (t) => {
        const before = await filesOf(daemon)
        await copyFile(daemon.certPath, join(dir, 'before.pem'))

        const outcome = await deployPair(engine, daemon, third, changes)

        t.match(outcome, { outcome: 'rolled-back', host: 'restored', stage: 'rollback', code })
        t.same(await filesOf(daemon), before)
        t.same(await leavesOf(daemon), all(second.sha256))
        t.same((await readdir(dirname(daemon.certPath))).toSorted(), ['cert.pem', 'key.pem'])
      })
    }

    await t.test(
      'a target without an endpoint is deployed, and its outcome says that nothing was verified',
      async (t) => {
        const outcome = await deployPair(engine, daemon, third, { endpoints: [] })

        t.match(outcome, { outcome: 'deployed', message: /^Nothing was verified/ })
        t.same(await leavesOf(daemon), all(third.sha256))
      },
    )
  })
}
