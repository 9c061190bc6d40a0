import { once } from 'node:events'
import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { WrittenConfig } from '../../src/config/resolve-config.ts'
import { deploy } from '../../src/deployer/deploy.ts'
import { makeTemporaryFolder } from '../../src/host/file/plain-files.ts'
import type { Outcome } from '../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../support/certificates.ts'
import { openDeployer } from '../support/deployer.ts'
import { openTestEngine } from '../support/deployment.ts'
import { removeWhenQuiet } from '../support/remove-when-quiet.ts'
import { runWaxseal } from '../support/run-waxseal.ts'
import { asUser, user } from './support/as-user.ts'
import { openCanaries } from './support/canaries.ts'

const authority = await makeAuthority()

t.test('who listens on the port of the page is not asked, let alone believed, by root', async (t) => {
  const { dir } = await open(t)
  const asked: string[] = []
  const liar = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end(JSON.stringify({ ready: true, agent: 'liar', targets: [], filler: 'x'.repeat(1000) }))
  })
  await once(liar.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => void liar.close())
  const listen = `127.0.0.1:${(liar.address() as AddressInfo).port}`
  const file = join(dir, 'page.yaml')
  await writeFile(file, JSON.stringify({ state_dir: join(dir, 'state'), status: { listen } }), { mode: 0o600 })

  for (const command of [['status'], ['status', '--json'], ['history'], ['check']]) {
    const { stdout, stderr } = await runWaxseal([...command, '--config', file])
    t.notMatch(stdout + stderr, 'liar')
  }

  t.same(asked, [])
})

t.test('links and pipes that a user plants where all may write lead nowhere, and nothing waits for them', async (t) => {
  const { dir, outside, deployTo, touched } = await open(t)
  const world = join(dir, 'world')
  await mkdir(world)
  await chmod(world, 0o1777)
  const planted = await run(
    `
import os, sys
world, outside = sys.argv[1:3]
os.chdir(world)
os.mkfifo('pipe.pem')
os.symlink(outside + '/secret', 'link.pem')
os.symlink(outside, 'folder')
os.symlink('/dev/zero', 'zero.pem')
os.mkdir('mine')
os.mkfifo('mine/pipe.pem')
open('file.pem', 'w').write('x')
os.chmod('file.pem', 0o666)
print('done')
`,
    [world, outside],
  )
  t.equal(planted, 'done\n')

  for (const name of [
    'pipe.pem',
    'link.pem',
    'folder/new.pem',
    'zero.pem',
    'mine/pipe.pem',
    'mine/new.pem',
    'file.pem',
  ])
    t.match(
      await deployTo(join(world, name), join(dir, 'tls/key.pem')),
      { outcome: 'refused', host: 'untouched' },
      name,
    )

  t.match(await deployTo(join(dir, 'tls/cert.pem'), join(dir, 'tls/key.pem')), { outcome: 'deployed' })
  t.same(await touched(), [])
})

t.test('a root that is a user’s is refused, and check names it with the line to write', async (t) => {
  const { dir, config, deployTo, touched } = await open(t)
  const theirs = join(dir, 'theirs')
  await mkdir(theirs)
  await chown(theirs, user, user)

  const outcome = await deployTo(join(theirs, 'cert.pem'), join(theirs, 'key.pem'))

  t.match(outcome, { outcome: 'refused', code: 'PATH_NOT_ALLOWED', host: 'untouched' })
  const file = JSON.parse(await readFile(config, 'utf8')) as { policy: object }
  await writeFile(config, JSON.stringify({ ...file, policy: { ...file.policy, roots: [theirs] } }), { mode: 0o600 })
  const { stdout } = await runWaxseal(['check', '--config', config])
  t.match(stdout, theirs)
  t.match(stdout, 'policy.folders')
  t.same(await touched(), [])
})

t.test(
  'a user who exchanges a folder of theirs for a link during deployments has nothing written elsewhere',
  async (t) => {
    const { dir, theirs, outside, deployTo } = await openTheirs(t)
    const { child, remove } = await asUser(
      `
import os, sys, threading
theirs, outside = sys.argv[1:3]
os.chdir(theirs)
stop = threading.Event()
def race():
    while not stop.is_set():
        try:
            os.rename('tls', 'away')
            os.symlink(outside, 'tls')
            os.unlink('tls')
            os.rename('away', 'tls')
        except OSError: pass
print('racing', flush=True)
thread = threading.Thread(target=race)
thread.start()
sys.stdin.read()
stop.set()
thread.join()
try: os.rename('away', 'tls')
except OSError: pass
`,
      [theirs, outside],
    )
    t.teardown(remove)
    await once(child.stdout, 'data')
    const outcomes = new Map<string, number>()

    for (let tries = 0; tries < 40; tries += 1) {
      const { outcome } = await deployTo(join(theirs, 'tls/cert.pem'), join(theirs, 'tls/key.pem'))
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    child.stdin.end()
    await once(child, 'close')

    t.comment(JSON.stringify(Object.fromEntries(outcomes)))
    t.match(await deployTo(join(dir, 'tls/cert.pem'), join(dir, 'tls/key.pem')), { outcome: 'deployed' })
    t.match(await deployTo(join(theirs, 'tls/cert.pem'), join(theirs, 'tls/key.pem')), { outcome: 'deployed' })
    // Within the roots, whether it is a folder for certificates may be looked at.
    t.same(await readdir(outside), ['secret'])
  },
)

t.test('who keeps a folder of the policy leads nothing out of it, not even what a record names', async (t) => {
  const { theirs, outside, deployTo, touched } = await openTheirs(t)
  const paths = [join(theirs, 'tls/cert.pem'), join(theirs, 'tls/key.pem')] as const
  t.match(await deployTo(...paths), { outcome: 'deployed' })
  const asOwner = (code: string): Promise<string> =>
    run(`import os, sys\ntheirs, outside = sys.argv[1:3]\nos.chdir(theirs)\n${code}\nprint('done')\n`, [
      theirs,
      outside,
    ])

  for (const code of [
    "os.rename('tls', 'away'); os.symlink(outside, 'tls')",
    "os.unlink('tls'); os.rename('away', 'tls'); os.unlink('tls/cert.pem'); os.symlink(outside + '/secret', 'tls/cert.pem')",
    "os.unlink('tls/cert.pem'); os.symlink(outside + '/new.pem', 'tls/cert.pem')",
  ]) {
    t.equal(await asOwner(code), 'done\n')
    t.match(await deployTo(...paths), { outcome: 'refused', code: 'PATH_NOT_ALLOWED', host: 'untouched' }, code)
  }
  t.same(await touched(), [])

  t.equal(
    await asOwner("os.unlink('tls/cert.pem'); os.symlink('../own.pem', 'tls/cert.pem'); open('own.pem', 'w')"),
    'done\n',
  )
  t.match(await deployTo(...paths), { outcome: 'deployed' }, 'within what is theirs, they may')
})

t.test('a user neither connects to the deployer, nor reads keys, state or view', async (t) => {
  const deployer = await openDeployer(t)
  await chmod(deployer.dir, 0o755)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const running = await deployer.start()

  const said = await run(
    `
import os, socket, sys
state, path = sys.argv[1:3]
def tried(what, act):
    try:
        act()
        print(what)
    except OSError: pass
tried('connect', lambda: socket.socket(socket.AF_UNIX).connect(path))
for inner in ['', '/keys', '/journal', '/inbox', '/outbox', '/view', '/deployments', '/dead', '/certificates', '/requests']:
    tried('list ' + inner, lambda: os.listdir(state + inner))
    tried('enter ' + inner, lambda: os.chdir(state + inner + '/.'))
    tried('write ' + inner, lambda: open(state + inner + '/evil.json', 'w'))
print('done')
`,
    [deployer.stateDir, deployer.socket],
  )

  // Into the state folder itself people may go, for the view; not look around in it.
  t.equal(said.replace('enter \n', ''), 'done\n')
  running.kill('SIGTERM')
  t.equal(await running.exited, 0)
})

interface Opened {
  readonly dir: string
  /** Where nothing may be read or written. */
  readonly outside: string
  readonly config: string
  deployTo(certPath: string, keyPath: string): Promise<Outcome>
  /** What was touched in there. */
  touched(): Promise<readonly string[]>
}

async function open(t: Test, policy: (dir: string) => WrittenConfig['policy'] = () => ({})): Promise<Opened> {
  const dir = await makeTemporaryFolder('waxseal-local-')
  t.teardown(() => removeWhenQuiet(dir))
  await chmod(dir, 0o755)
  const outside = join(dir, 'outside')
  await mkdir(join(dir, 'tls'))
  const canaries = await openCanaries(dir)
  await canaries.file(join(outside, 'secret'))
  t.teardown(() => canaries.close())
  // Not by the contents: that would be a reading.
  const touched = async (): Promise<readonly string[]> => {
    const added = (await readdir(outside)).filter((name) => name !== 'secret')
    return [...(await canaries.touched()), ...added]
  }
  const roots = ['tls', 'world', 'theirs'].map((name) => join(dir, name))
  const engine = await openTestEngine(dir, ['true'], { dane: 'off', folders: {}, roots, ...policy(dir) })
  const deployTo = async (certPath: string, keyPath: string): Promise<Outcome> => {
    const pair: TestPair = await authority.issue({ names: ['mail.example.net'] })
    const paths = { cert_path: certPath, key_path: keyPath }
    return deploy(
      {
        target: certPath,
        connector: 'Postfix',
        config: { ...paths, validate_command: 'true', reload_command: 'true' },
        certificatePem: pair.certificatePem,
        chainPem: pair.chainPem,
        findKey: async () => pair.keyPem,
      },
      engine,
    )
  }
  return { dir, outside, config: join(dir, 'waxseal.yaml'), deployTo, touched }
}

/** With a folder `theirs/tls` that the policy lets the user keep. */
async function openTheirs(t: Test): Promise<Opened & { readonly theirs: string }> {
  const opened = await open(t, (dir) => ({
    roots: [dir],
    folders: { [join(dir, 'theirs')]: String(user), [join(dir, 'theirs/tls')]: String(user) },
  }))
  const theirs = join(opened.dir, 'theirs')
  await mkdir(join(theirs, 'tls'), { recursive: true })
  for (const folder of [theirs, join(theirs, 'tls')]) await chown(folder, user, user)
  return { ...opened, theirs }
}

/** What it printed. */
async function run(code: string, args: readonly string[]): Promise<string> {
  const { child, remove } = await asUser(code, args)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  child.stdin.end()
  await once(child, 'close')
  await remove()
  return said
}
