import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startStandIn } from '../../src/demo/mail-host/stand-in.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import type { Outcome } from '../../src/outcome/outcome.ts'
import type { StatusDocument } from '../../src/status/status-document.ts'
import { serveAnotherLeaf } from '../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../support/certificates.ts'
import { filesOf, leavesOf, targetOf } from '../support/deployment.ts'
import { jsonOf, type Ran, runWaxseal } from '../support/run-waxseal.ts'

const authority = await makeAuthority()

t.test('deploy ends with 0 when every port serves the new leaf, and says so', async (t) => {
  const { daemon, pair, deploy } = await openHost(t)

  const ran = await deploy()

  t.match(ran, { status: 0, stdout: /deployed: the host is changed.*seen on 2 of 2 probes/, stderr: '' })
  t.same(await leavesOf(daemon), [pair.sha256, pair.sha256])
})

t.test('deploy of what is there already ends with 0, and says that nothing was touched', async (t) => {
  const { daemon, deploy } = await openHost(t)
  await deploy()
  const before = await filesOf(daemon)

  const ran = await deploy()

  t.match(ran, { status: 0, stdout: /unchanged: the host is untouched/ })
  t.match(jsonOf(await deploy({ args: ['--dry-run', '--json'] })), { dryRun: true, unchanged: true })
  t.same(await filesOf(daemon), before)
})

t.test('deploy --json prints the outcome as one document, and no key', async (t) => {
  const { daemon, pair, deploy } = await openHost(t)

  const ran = await deploy({ args: ['--json'] })

  const outcome = jsonOf<Outcome>(ran)
  t.match(outcome, { outcome: 'deployed', host: 'changed', code: null, stage: 'settle' })
  t.match(outcome.certificate, { names: ['mail.example.net'], sha256: pair.sha256 })
  t.match(outcome.files, [
    { path: daemon.certPath, role: 'certificate' },
    { path: daemon.keyPath, role: 'key' },
  ])
  t.match(outcome.probes, [
    { protocol: 'smtp', ok: true },
    { protocol: 'tls', ok: true },
  ])
  noKey(t, ran, pair)
})

t.test('deploy --json of a failure is one document too, with the code', async (t) => {
  const { deploy } = await openHost(t)

  const target = { endpoints: [await serveAnotherLeaf(t)], post_deploy_verify_attempts: 1 }
  const ran = await deploy({ target, args: ['--json'] })

  t.equal(ran.status, 4)
  t.match(jsonOf(ran), { outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED' })
})

t.test('deploy --dry-run prints the plan without contents, and changes nothing', async (t) => {
  const { dir, daemon, pair, deploy } = await openHost(t)
  const before = await filesOf(daemon)

  const ran = await deploy({ args: ['--dry-run'] })

  t.equal(ran.status, 0)
  t.match(jsonOf(ran), {
    dryRun: true,
    unchanged: false,
    certificate: { sha256: pair.sha256 },
    plan: { activate: [daemon.reload], check: daemon.check },
    files: [{ path: daemon.certPath }, { path: daemon.keyPath }],
  })
  t.notMatch(ran.stdout, /BEGIN CERTIFICATE|contents/)
  noKey(t, ran, pair)
  t.same(await filesOf(daemon), before)
  t.same(await readdir(join(dir, 'state', 'deployments')).catch(() => []), [])
})

t.test('deploy --dry-run of what would be refused ends with 3', async (t) => {
  const { deploy } = await openHost(t)

  const ran = await deploy({ target: { cert_path: '/elsewhere/cert.pem' }, args: ['--dry-run'] })

  t.equal(ran.status, 3)
  t.match(jsonOf(ran), { outcome: 'refused', host: 'untouched', code: 'PATH_NOT_ALLOWED' })
})

t.test('deploy ends with 2 when the command line or the configuration is at fault, and names the place', async (t) => {
  const { dir, deploy } = await openHost(t)
  await writeText(join(dir, 'torn.json'), '{"cert_path":')
  await writeText(join(dir, 'misspelt.yaml'), 'polcy: {}')

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--key', join(dir, 'nowhere')], /--key.*nowhere.*no such file/],
    [['--cert', join(dir, 'nowhere')], /--cert.*nowhere.*no such file/],
    [['--chain', join(dir, 'nowhere')], /--chain.*nowhere.*no such file/],
    [['--cert', dir], /--cert.*it is a folder/],
    [['--target', join(dir, 'torn.json')], /--target.*torn\.json.*not JSON/],
    [['--config', join(dir, 'misspelt.yaml')], /misspelt\.yaml.*polcy.*no such setting/],
    [['--config', join(dir, 'nowhere.yaml')], /nowhere\.yaml.*no such file/],
    [['--frobnicate'], /unknown option '--frobnicate'[^]*--help/],
  ]
  for (const [args, message] of wrong)
    t.match(await deploy({ args }), { status: 2, stdout: '', stderr: message }, args.join(' '))
})

t.test('deploy ends with 3 when the host refuses, names the reason and leaves the files alone', async (t) => {
  const { dir, daemon, oldPair, deploy } = await openHost(t)
  const before = await filesOf(daemon)
  await writeText(join(dir, 'foreign.key'), oldPair.keyPem)

  const refused: readonly (readonly [Change, string])[] = [
    [{ args: ['--key', join(dir, 'foreign.key')] }, 'KEY_MISMATCH'],
    [{ target: { cert_path: '/elsewhere/cert.pem' } }, 'PATH_NOT_ALLOWED'],
    [{ target: { reload_command: 'systemctl poweroff' } }, 'COMMAND_NOT_ALLOWED'],
    [{ target: { endpoints: ['192.0.2.1:25'] } }, 'PROBE_NOT_ALLOWED'],
  ]
  for (const [change, code] of refused) {
    const ran = await deploy(change)
    t.match(ran, { status: 3, stdout: `refused: the host is untouched. ${code}` }, code)
    t.match(ran.stdout, `waxseal explain ${code} says what to do`, code)
  }
  t.same(await filesOf(daemon), before)
})

t.test('a typo ends with 2 and the nearest word, and makes no target that alarms for ever', async (t) => {
  const { dir, daemon, oldPair, deploy } = await openHost(t)
  const before = await filesOf(daemon)
  await writeText(join(dir, 'foreign.key'), oldPair.keyPem)
  const config = join(dir, 'waxseal.yaml')

  const typos: readonly (readonly [Change, RegExp])[] = [
    [{ args: ['--connector', 'postfx'] }, /CONNECTOR_UNKNOWN.*Is postfix meant\?/],
    [{ args: ['--connector', 'postfx', '--key', join(dir, 'foreign.key')] }, /CONNECTOR_UNKNOWN.*Is postfix meant\?/],
    [{ args: ['--connector', 'fax'] }, /CONNECTOR_UNKNOWN.*known: apache, /],
    [{ target: { crt_path: '/a' } }, /TARGET_INVALID.*field: crt_path.*Is cert_path meant\?/],
    [{ target: { cert_path: 3 } }, /TARGET_INVALID.*field: cert_path/],
    [{ target: { key_file_mode: '0644' } }, /TARGET_INVALID.*field: key_file_mode/],
    [{ target: { key_path: '********' } }, /TARGET_REDACTED.*field: key_path/],
  ]
  for (const [change, message] of typos) {
    t.match(await deploy(change), { status: 2, stdout: message }, String(message))
    const dry = { ...change, args: [...(change.args ?? []), '--dry-run'] }
    t.match(await deploy(dry), { status: 2 }, 'nor in a dry run')
  }
  t.match(await deploy({ args: ['--name', 'a\u{1b}[2J'] }), { status: 2, stderr: /USAGE_INVALID.*--name/ })

  t.match(await runWaxseal(['history', '--config', config]), { status: 0, stdout: /No deployment yet/ })
  t.same(jsonOf<StatusDocument>(await runWaxseal(['status', '--json', '--config', config])).targets, [])
  t.same(await filesOf(daemon), before)
})

t.test('a hook that breaks by a typo is seen, for its target is known', async (t) => {
  const { dir, deploy } = await openHost(t)
  await deploy()

  t.match(await deploy({ target: { crt_path: '/a' } }), { status: 2 })

  const status = await runWaxseal(['status', '--json', '--config', join(dir, 'waxseal.yaml')])
  t.match(jsonOf(status), { targets: [{ name: 'target', state: 'failed', problems: [/TARGET_INVALID/] }] })
})

t.test('deploy ends with 4 when the new leaf is not served, and the old files are back', async (t) => {
  const { daemon, deploy } = await openHost(t)
  const before = await filesOf(daemon)

  const another = await serveAnotherLeaf(t)

  const ran = await deploy({ target: { endpoints: [another], post_deploy_verify_attempts: 1 } })

  t.match(ran, { status: 4, stdout: /rolled-back: the host is restored\. VERIFY_FAILED/ })
  t.match(ran.stdout, new RegExp(`FAILED tls ${another} serves another leaf, .*\\(1 try,`))
  t.match(ran.stdout, 'waxseal explain VERIFY_FAILED says what to do')
  t.same(await filesOf(daemon), before)
})

t.test('deploy where no listener can be judged ends with 0, and says that it is unproven', async (t) => {
  const { deploy } = await openHost(t)
  const target = { endpoints: [{ endpoint: '127.0.0.1:1', protocol: 'smtp' }], post_deploy_verify_attempts: 1 }

  const ran = await deploy({ target })

  t.match(ran, { status: 0, stdout: /deployed: the host is changed\. Deployed, but unproven/ })
  t.match(ran.stdout, /warning: smtp 127\.0\.0\.1:1 .*failed in the same way before.*ECONNREFUSED/)
  t.match(jsonOf(await deploy({ target, args: ['--json'] })), { outcome: 'unchanged', proven: false })
})

t.test('deploy ends with 5 when the server stops for good, and says that the host is unknown', async (t) => {
  const { dir, pair, deploy } = await openHost(t)
  await makeFolder(join(dir, 'fragile'))
  const fragile = await startStandIn(join(dir, 'fragile'), pair)
  t.teardown(() => fragile.stop())
  const { endpoints } = targetOf(fragile)

  // The old leaf is looked for eight times whatever the target says: with the usual second at first that is a minute.
  const verify = { endpoints, post_deploy_verify_attempts: 1, post_deploy_verify_backoff: '10ms' }
  const ran = await deploy({ target: { ...verify, reload_command: `rm -f ${fragile.certPath}` } })

  t.match(ran, { status: 5, stdout: /rollback-failed: the host is unknown\. ROLLBACK_FAILED/ })
  t.match(ran.stdout, 'waxseal explain ROLLBACK_FAILED says what to do')
})

t.test('deploy --target takes a target of this host by its name, and check validates it', async (t) => {
  const { dir, daemon, pair } = await openHost(t)
  const own = { target_id: 'target-1', connector: 'postfix', ...targetOf(daemon) }
  await makeFolder(join(dir, 'targets'))
  await writeText(join(dir, 'targets', 'mail.yaml'), JSON.stringify(own))
  await writeText(join(dir, 'targets', 'typo.yaml'), JSON.stringify({ connector: 'postfix', key_pth: '/x' }))
  const config = ['--config', join(dir, 'waxseal.yaml')]
  const deploy = (...args: readonly string[]): Promise<Ran> =>
    runWaxseal(['deploy', ...config, '--cert', join(dir, 'cert.pem'), '--key', join(dir, 'key.pem'), ...args])

  t.match(await deploy('--target', 'typo'), { status: 2, stderr: /typo\.yaml.*key_pth: is key_path meant/ })
  t.match(await deploy(), { status: 2, stderr: /--connector.*it is missing.*--target: mail/ })
  t.match(await deploy('--target', 'mail'), { status: 0, stdout: /deployed/ })

  t.same(await leavesOf(daemon), [pair.sha256, pair.sha256])
  t.match((await runWaxseal(['history', ...config])).stdout, ' mail ')
  const checked = await runWaxseal(['check', ...config])
  t.match(checked, { status: 1, stdout: /failed +own target typo: .*key_pth: is key_path meant/ })
  t.match(checked.stdout, /ok +own target mail: .*mail\.yaml: postfix, for jobs with target_id target-1/)
})

t.test('deploy takes one file that holds certificate and key, whatever else is in it', async (t) => {
  const { dir, daemon, pair } = await openHost(t)
  const both = `Bag Attributes\r\n    friendlyName: UNENCRYPTED\r\n${pair.keyPem}${pair.certificatePem}${pair.certificatePem}`
  await writeText(join(dir, 'both.pem'), both)
  await writeText(join(dir, 'target.json'), JSON.stringify(targetOf(daemon)))
  const args = ['--config', join(dir, 'waxseal.yaml'), '--target', join(dir, 'target.json'), '--connector', 'postfix']

  const ran = await runWaxseal(['deploy', ...args, '--cert', join(dir, 'both.pem')])

  t.match(ran, { status: 0, stdout: /deployed/ })
  t.same(await leavesOf(daemon), [pair.sha256, pair.sha256])
})

t.test(
  'deploy of a file of another kind names the file, what it is and the command that makes PEM of it',
  async (t) => {
    const { dir, deploy } = await openHost(t)
    const pem = await readFile(join(dir, 'cert.pem'), 'utf8')
    const der = join(dir, 'it’s a cert.der')
    await writeFile(der, Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64'))

    const ran = await deploy({ args: ['--cert', der] })

    t.match(ran, { status: 3, stdout: /MATERIAL_INVALID.*what: certificate.*reason: it is a certificate in DER/ })
    t.match(ran.stdout, `openssl x509 -inform DER -in '${der}' -out NEW.pem`)
  },
)

t.test('deploy of the certificate of another server is refused, and done with --force', async (t) => {
  const { dir, daemon, deploy } = await openHost(t)
  const other = await authority.issue({ names: ['www.example.org'] })
  await writeText(join(dir, 'other.pem'), other.certificatePem)
  await writeText(join(dir, 'other.key'), other.keyPem)
  const args = ['--cert', join(dir, 'other.pem'), '--key', join(dir, 'other.key')]

  t.match(await deploy({ args }), { status: 3, stdout: /NAMES_UNRELATED.*waxseal deploy --force/ })
  t.match(await deploy({ args: [...args, '--force'] }), { status: 0, stdout: /warning: .* shares no name/ })

  t.same(await leavesOf(daemon), [other.sha256, other.sha256])
})

interface Change {
  readonly target?: Readonly<Record<string, unknown>>
  /** Later options win. */
  readonly args?: readonly string[]
}

/** A stand-in that serves an old pair, and a new pair that waits in files. */
async function openHost(t: Test) {
  const dir = await makeTemporaryFolder('waxseal-cli-deploy-')
  const oldPair = await authority.issue({ names: ['mail.example.net'] })
  const pair = await authority.issue({ names: ['mail.example.net'] })
  const at = (name: string): string => join(dir, name)
  await makeFolder(at('live'))
  const daemon = await startStandIn(at('live'), oldPair)
  t.teardown(async () => {
    await daemon.stop()
    await removeTree(dir)
  })
  const commands = [daemon.reload.join(' '), `rm -f ${at('fragile/cert.pem')}`]
  await writeText(at('waxseal.yaml'), JSON.stringify({ state_dir: at('state'), policy: { roots: [dir], commands } }))
  await writeText(at('cert.pem'), pair.certificatePem)
  await writeText(at('key.pem'), pair.keyPem, 0o600)
  const files = ['--config', at('waxseal.yaml'), '--cert', at('cert.pem'), '--key', at('key.pem')]
  const deploy = async ({ target = {}, args = [] }: Change = {}): Promise<Ran> => {
    await writeText(at('target.json'), JSON.stringify({ ...targetOf(daemon), ...target }))
    return runWaxseal(['deploy', '--connector', 'postfix', ...files, '--target', at('target.json'), ...args])
  }
  return { dir, daemon, oldPair, pair, deploy }
}

function noKey(t: Test, { stdout, stderr }: Ran, { keyPem }: TestPair): void {
  for (const secret of ['PRIVATE KEY', ...keyPem.split('\n').filter((line) => /^[\w+/=]+$/.test(line))])
    t.notMatch(stdout + stderr, secret, 'no key bytes')
}
