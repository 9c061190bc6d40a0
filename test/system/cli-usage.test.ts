import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { root } from '../../packaging/root.ts'
import { viewFolder } from '../../src/documents/shown-host.ts'
import { makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { builtProgram } from '../support/built-program.ts'
import { startProcess } from '../support/process.ts'
import { runWaxseal, runWaxsealAsNobody } from '../support/run-waxseal.ts'

const shared = ['--data-dir', '--json']
const asWhom = ['--url', '--ca-file', '--token-file']
const parts = ['--wide', '--after', '--limit']
const commands: readonly (readonly [command: string, ...named: string[]])[] = [
  ['agent', '--config'],
  ['deploy', '--config', '--connector', '--target', '--cert', '--key', '--chain', '--dry-run', '--json', 'Exit status'],
  ['probe', '--config', '--protocol', '--servername', '--expect', '--timeout', '--json', 'host:port', 'Exit status'],
  ['enroll', '--config', '--url', '--token-file', '--ca-file', '--name', '--credential-file', '--force', '--json'],
  ['status', '--config', '--json', 'Exit status'],
  ['keys', '--config', '--json', 'Exit status'],
  ['explain', '--json', 'code', 'Exit status'],
  ['demo', '--help'],
  [
    'control-plane',
    'serve',
    'ca',
    'token',
    'tokens',
    'revoke-token',
    'readmit',
    'revoke-credentials',
    'operators',
    'operator',
    'agents',
    'targets',
    'audit',
    'certificates',
    'policy',
    'issuers',
    'renew',
    'revoke',
    'jobs',
    'job',
    'cancel',
    'end',
    'add-target',
    'request',
    'deploy',
    'retire',
  ],
  ['control-plane serve', '--data-dir', '--listen', '--database', '--ca-dir', '--name'],
  ['control-plane ca', 'show', 'next', 'retire'],
  ['control-plane ca next', '--ca-dir', '--json'],
  ['control-plane token', ...shared, ...asWhom, '--expires', '--uses', '--names'],
  ['control-plane tokens', ...shared, ...asWhom, ...parts],
  ['control-plane revoke-token', ...shared, ...asWhom, '<id>'],
  ['control-plane readmit', ...shared, ...asWhom, '--expires', '<agent>'],
  ['control-plane revoke-credentials', ...shared, ...asWhom, '<agent>'],
  ['control-plane operators', ...shared, ...asWhom],
  ['control-plane operator', 'add', 'revoke'],
  ['control-plane operator add', ...shared, ...asWhom, '--role', '<name>'],
  ['control-plane operator revoke', ...shared, ...asWhom, '<name>'],
  ['control-plane audit', ...shared, ...asWhom, '--after', '--limit', '--export-head', '--verify', '--head', '--key'],
  ['control-plane agents', ...shared, ...asWhom, ...parts, '--status'],
  ['control-plane targets', ...shared, ...asWhom, ...parts, '--agent'],
  ['control-plane certificates', ...shared, ...asWhom, ...parts],
  ['control-plane policy', ...shared, ...asWhom, '--renew-at', '--issuer', '--key', '--any-issuer', '<certificate>'],
  ['control-plane issuers', ...shared, ...asWhom],
  ['control-plane renew', ...shared, ...asWhom, '<certificate>'],
  ['control-plane revoke', ...shared, ...asWhom, '<certificate>'],
  ['control-plane jobs', ...shared, ...asWhom, ...parts, '--agent', '--target', '--status'],
  ['control-plane cancel', ...shared, ...asWhom, '<id>'],
  ['control-plane end', ...shared, ...asWhom, '<id>'],
  ['control-plane job', ...shared, '<id>'],
  ['control-plane add-target', ...shared, '--name', '--agent', '--type', '--target-config'],
  ['control-plane request', ...shared, '--agent', '--cn', '--san', '--deploy-to', '--validity', '--renew-at'],
  ['control-plane deploy', ...shared, '--certificate', '--target'],
  ['control-plane retire', ...shared, '<agent>'],
]

t.test('a command that nothing can end any more is no success', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-usage-')
  t.teardown(() => removeTree(dir))
  const preload = join(dir, 'never.cjs')
  const commander = createRequire(import.meta.url).resolve('commander')
  await writeText(preload, `require('${commander}').Command.prototype.parseAsync = () => new Promise(() => {})`, 0o600)

  const { exited, lines } = startProcess([process.execPath, '--require', preload, join(root, 'src/main.ts'), 'status'])

  t.equal(await exited, 1)
  t.match(lines, [
    { text: /^waxseal: INTERNAL: .*waits for something that cannot come/ },
    { text: /waxseal explain INTERNAL/ },
  ])
})

t.test('a reader that has seen enough, as head, ends no command with a trace', async (t) => {
  for (const args of [['--help'], ['explain', '--json'], ['probe', '127.0.0.1:1']]) {
    const child = spawn(process.execPath, [builtProgram, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    const said = text(child.stderr)

    const [status] = (await once(child, 'close')) as [number | null]

    t.equal(status, args[0] === 'probe' ? 1 : 0, args.join(' '))
    t.equal(await said, '', args.join(' '))
  }
})

for (const [command, ...named] of commands) {
  t.test(`${command} --help names its options, and an option that it does not know points to --help`, async (t) => {
    const [help, unknown] = await Promise.all([
      runWaxseal([...command.split(' '), '--help']),
      runWaxseal([...command.split(' '), ...required(command), '--frobnicate']),
    ])

    t.match(help, { status: 0, stdout: `Usage: waxseal ${command}`, stderr: '' })
    for (const name of named) t.match(help.stdout, name)
    t.match(unknown, { status: 2, stdout: '', stderr: /unknown (option|command)[^]*waxseal COMMAND --help/ })
  })
}

t.test('waxseal --help lists every command with what it is for', async (t) => {
  const ran = await runWaxseal(['--help'])

  t.equal(ran.status, 0)
  for (const [command] of commands.filter(([name]) => !name.includes(' ')))
    t.match(ran.stdout, new RegExp(`^  ${command}\\b.*\\w\\w`, 'm'), command)
})

t.test('waxseal without a command shows its help and ends with 2', async (t) => {
  const ran = await runWaxseal([])

  t.match(ran, { status: 2, stdout: '', stderr: 'Usage: waxseal' })
})

t.test('a command that nobody knows ends with 2, with the nearest one and a pointer to --help', async (t) => {
  const top = await runWaxseal(['prob'])
  const below = await runWaxseal(['control-plane', 'agent'])

  t.match(top, { status: 2, stdout: '', stderr: /unknown command 'prob'[^]*probe[^]*waxseal --help/ })
  t.match(below, { status: 2, stdout: '', stderr: /unknown command 'agent'[^]*agents[^]*waxseal COMMAND --help/ })
})

t.test('an option that is missing ends with 2, by its name, with a pointer to --help', async (t) => {
  const ran = await runWaxseal(['deploy', '--connector', 'postfix'])

  t.match(ran, { status: 2, stdout: '', stderr: /--cert <file>' not specified[^]*waxseal COMMAND --help/ })
})

t.test('a misspelt option ends with 2 and the nearest one, also where it is one that must be given', async (t) => {
  for (const [args, meant] of [
    [['deploy', '--connecter', 'postfix', '--cert', 'c', '--key', 'k'], '--connector'],
    [['status', '--jsno'], '--json'],
    [['control-plane', 'request', '--agent', 'a', '--cm', 'x'], '--cn'],
  ] as const)
    t.match(await runWaxseal(args), {
      status: 2,
      stdout: '',
      stderr: new RegExp(`unknown option[^]*Did you mean ${meant}`),
    })
})

for (const [args, told] of [
  [['agents', '--url', 'http://127.0.0.1:1'], /option: --url; reason: it is not an https URL/],
  [['audit', '--head', 'head.json'], /option: --head; reason: it goes with --verify/],
  [['audit', '--verify', '--key', 'audit.pem'], /option: --key; reason: it goes with --head/],
  [['backup', '/nowhere/backup.db'], /file: \/nowhere\/backup\.db; reason: its folder is not there/],
  [['backup', '/sys'], /file: \/sys; reason: it is a folder/],
] as const)
  t.test(`control-plane ${args.join(' ')} ends with 2, and says what is wrong with it`, async (t) => {
    const ran = await runWaxseal(['control-plane', ...args, '--data-dir', '/nowhere'])

    t.match(ran, { status: 2, stdout: '', stderr: told })
  })

t.test('another user than root is told which command to run as root, in one sentence without errno', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-cli-nobody-')
  t.teardown(() => removeTree(dir))
  const [state, secret] = [join(dir, 'state'), join(dir, 'secret.yaml')]
  const config = join(dir, 'waxseal.yaml')
  await chmod(dir, 0o755)
  for (const folder of [state, viewFolder(state)]) await mkdir(folder, { mode: 0o700 })
  await writeText(config, JSON.stringify({ state_dir: state, status: { listen: 'off' } }), 0o644)
  await writeText(secret, '{}', 0o600)
  await writeText(join(dir, 'c.pem'), 'x', 0o644)
  const pem = ['--cert', join(dir, 'c.pem'), '--key', join(dir, 'c.pem')]
  const commands = [
    ['agent'],
    ['status'],
    ['check'],
    ['deploy', '--connector', 'postfix', ...pem],
    ['recover'],
    ['rollback', 'x'],
    ['forget', 'x'],
    ['history'],
    ['verify', 'x'],
    ['keys'],
  ]

  for (const [name = '', ...args] of commands)
    for (const file of [config, secret]) {
      const ran = await runWaxsealAsNobody([name, ...args, '--config', file])
      const stderr = new RegExp(
        `^waxseal: NEEDS_ROOT: This command needs root\\. \\(path: ${dir}/\\S+; run: sudo waxseal ${name} …\\)\n {2}waxseal explain NEEDS_ROOT says what to do\\.\n$`,
      )
      t.match(ran, { status: 2, stdout: '', stderr }, `${name} ${file}`)
    }
  t.match(await runWaxsealAsNobody(['control-plane', 'token', '--data-dir', state]), {
    status: 2,
    stderr: /NEEDS_ROOT.*sudo waxseal control-plane token/,
  })
  t.match(await runWaxsealAsNobody(['explain', 'NEEDS_ROOT']), { status: 0, stderr: '' })
})

t.test('waxseal --version prints the version of the package', async (t) => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string
  }

  t.match(await runWaxseal(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
})

t.test('an error on stderr names its code and the place that explains it', async (t) => {
  const ran = await runWaxseal(['agent', '--config', '/nowhere/waxseal.yaml'])

  t.match(ran, { status: 2, stdout: '', stderr: /^waxseal: CONFIG_INVALID: .*\/nowhere\/waxseal\.yaml/ })
  t.match(ran.stderr, 'waxseal explain CONFIG_INVALID says what to do')
})

t.test('a folder that this user may not write is no error in Waxseal itself, and the way out is named', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-cli-usage-')
  t.teardown(() => removeTree(dir))
  // Nobody, not even root, makes a folder there.
  await writeText(join(dir, 'waxseal.yaml'), 'state_dir: /sys/waxseal\n')

  const ran = await runWaxseal(['deploy', ...required('deploy'), '--config', join(dir, 'waxseal.yaml')])

  t.match(ran, { status: 2, stdout: '', stderr: /CONFIG_INVALID: .*\/sys\/waxseal.*Run it as root/ })
})

/** What commander asks for before it looks at unknown options. */
function required(command: string): readonly string[] {
  const needed: Readonly<Record<string, readonly string[]>> = {
    deploy: ['--connector', 'postfix', '--cert', 'cert.pem', '--key', 'key.pem'],
    enroll: ['--url', 'https://127.0.0.1:1'],
    'control-plane add-target': ['--name', 'n', '--agent', 'a', '--type', 'Postfix', '--target-config', 't.json'],
    'control-plane request': ['--agent', 'a', '--cn', 'mail.example.net'],
    'control-plane deploy': ['--certificate', 'c', '--target', 't'],
  }
  return needed[command] ?? []
}
