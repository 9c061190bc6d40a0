import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { servedLeaf } from '../../support/served-leaf.ts'
import { type StartWebDaemon, startApache, startCaddy, startHaproxy, startNginx } from '../../support/web-daemons.ts'

const authority = await (await makeAuthority()).intermediate()

for (const [what, connector, program, start] of [
  ['nginx', 'NGINX', 'nginx', startNginx],
  ['Apache', 'Apache', 'apache2', startApache],
  ['HAProxy by its master CLI', 'HAProxy', 'haproxy', startHaproxy('master_socket')],
  ['HAProxy by its runtime API', 'HAProxy', 'haproxy', startHaproxy('runtime_socket')],
  ['Caddy by its admin API', 'Caddy', 'caddy', startCaddy('api')],
  ['Caddy by a reload', 'Caddy', 'caddy', startCaddy('file')],
] as const) {
  t.test(`on a real ${what}`, { skip: unlessInstalled(program) }, async (t) => {
    const { daemon, first, second, third, deployPair, served } = await open(t, connector, start)
    const contents = (): Promise<readonly string[]> =>
      Promise.all(daemon.files.map(async (file) => `${(await stat(file)).mode} ${await readFile(file, 'utf8')}`))

    await t.test('a new pair is deployed and served, and the daemon has never ended', async (t) => {
      const pid = await daemon.pid()

      const outcome = await deployPair(second)

      t.match(outcome, { outcome: 'deployed', host: 'changed', probes: [{ ok: true, seen: second.sha256 }] })
      t.equal(await served(), second.sha256)
      t.equal(await daemon.pid(), pid)
    })

    await t.test('the same pair again is unchanged', async (t) => {
      t.match(await deployPair(second), { outcome: 'unchanged', host: 'untouched' })
    })

    await t.test('a key that does not match is refused before anything is touched', async (t) => {
      const before = await contents()

      t.match(await deployPair({ ...third, keyPem: first.keyPem }), { outcome: 'refused', code: 'KEY_MISMATCH' })

      t.same(await contents(), before)
      t.equal(await served(), second.sha256)
    })

    for (const [failure, code, changes] of [
      ['a check that fails', 'PREFLIGHT_FAILED', { validate_command: 'false' }],
      ['a reload that fails', 'ACTIVATE_FAILED', { reload_command: 'false' }],
      ['a verification that fails', 'VERIFY_FAILED', { post_deploy_verify: { endpoint: await serveAnotherLeaf(t) } }],
    ] as const)
      await t.test(`after ${failure} the old pair is back, and proven to be served`, async (t) => {
        const before = await contents()

        const outcome = await deployPair(third, {
          ...changes,
          post_deploy_verify_attempts: 2,
          post_deploy_verify_backoff: '50ms',
        })

        t.match(outcome, { outcome: 'rolled-back', host: 'restored', code })
        t.same(await contents(), before)
        t.equal(await served(), second.sha256)
      })
  })
}

t.test(
  'Apache ends over a pair that somebody broke, and the next deployment has it serve again',
  { skip: unlessInstalled('apache2') },
  async (t) => {
    const { daemon, second, deployPair, served } = await open(t, 'Apache', startApache)
    const master = await daemon.pid()
    await writeFile(String(daemon.target['key_path']), second.keyPem)
    await runOrThrow(String(daemon.target['reload_command']).split(' ') as [string])
    while (isAlive(master)) await new Promise(setImmediate)

    const outcome = await deployPair(second)

    t.match(outcome, { outcome: 'deployed', host: 'changed' })
    t.equal(await served(), second.sha256)
  },
)

t.test(
  'a deployment whose reload ends Apache has the old pair served by a new one, and proves it',
  { skip: unlessInstalled('apache2') },
  async (t) => {
    const check = (dir: string): string => `${process.execPath} ${dir}/break.mjs`
    const { daemon, dir, first, second, deployPair, served } = await open(t, 'Apache', startApache, check)
    const [certPath, keyPath] = daemon.files.map(String)
    const master = await daemon.pid()
    await writeFile(
      join(dir, 'break.mjs'),
      breakingKey(String(certPath), second.certificatePem, String(keyPath), first.keyPem),
    )

    const outcome = await deployPair(second, { validate_command: check(dir) })

    t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED' })
    t.notOk(isAlive(master))
    t.equal(await served(), first.sha256)
  },
)

t.test(
  'the runtime API of HAProxy has a pair served by the worker that runs, without a reload, and the old one after a failure',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const { daemon, first, second, deployPair, served } = await open(t, 'HAProxy', startHaproxy('runtime_socket'))
    const workers = await childrenOf(await daemon.pid())

    t.match(await deployPair(second), { outcome: 'deployed' })
    t.equal(await served(), second.sha256)
    t.match(
      await deployPair(first, {
        post_deploy_verify: { endpoint: await serveAnotherLeaf(t) },
        post_deploy_verify_attempts: 1,
      }),
      {
        outcome: 'rolled-back',
        host: 'restored',
      },
    )
    t.equal(await served(), second.sha256)

    t.equal(workers.length, 1)
    t.same(await childrenOf(await daemon.pid()), workers)
  },
)

t.test(
  'a reload of HAProxy that fails and says nothing is noticed by the master CLI',
  { skip: unlessInstalled('haproxy') },
  async (t) => {
    const { daemon, dir, first, second, deployPair, served } = await open(t, 'HAProxy', startHaproxy('master_socket'))
    await appendFile(join(dir, 'haproxy.cfg'), 'nonsense\n')

    const outcome = await deployPair(second, { validate_command: 'true' })

    t.match(outcome, { code: 'ACTIVATE_FAILED', outcome: 'rolled-back', host: 'restored' })
    t.match(JSON.stringify(outcome.printed), /could not load its new configuration/)
    t.equal(await served(), first.sha256)
    t.ok(await daemon.pid())
  },
)

/** A check that, once the new certificate is there, puts another key beside it and says that all is well. */
function breakingKey(certPath: string, certificatePem: string, keyPath: string, keyPem: string): string {
  return `import { readFileSync, writeFileSync } from 'node:fs'
if (readFileSync(${JSON.stringify(certPath)}, 'utf8').startsWith(${JSON.stringify(certificatePem.trim())}))
  writeFileSync(${JSON.stringify(keyPath)}, ${JSON.stringify(keyPem)})
`
}

/** proc(5): the processes that it started. */
async function childrenOf(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A daemon that serves the first of three pairs, and an engine that may deploy to it. */
async function open(t: Test, connector: string, start: StartWebDaemon, more = (_dir: string): string => 'true') {
  const dir = await makeTemporaryFolder('waxseal-web-')
  const issue = (): Promise<TestPair> => authority.issue({ names: ['www.example.net'] })
  const [first, second, third] = [await issue(), await issue(), await issue()]
  const daemon = await start(dir, first)
  t.teardown(async () => {
    await daemon.stop()
    await removeWhenQuiet(dir)
  })
  const engine = await openTestEngine(dir, [...daemon.commands, 'true', 'false', more(dir)])
  const deployPair = (pair: TestPair, changes: Readonly<Record<string, unknown>> = {}): Promise<Outcome> =>
    deploy(
      {
        target: 'site',
        connector,
        config: { ...daemon.target, endpoints: [`127.0.0.1:${daemon.port}`], ...changes },
        certificatePem: pair.certificatePem,
        chainPem: pair.chainPem,
        findKey: async () => pair.keyPem,
      },
      engine,
    )
  const served = (): Promise<string | null> => servedLeaf({ port: daemon.port, protocol: 'tls' })
  return { dir, daemon, first, second, third, deployPair, served }
}
