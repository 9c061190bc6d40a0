import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { parseOutside } from '../../src/connector/registry/parse-outside.ts'
import { freePorts, writeText } from '../../src/host/file/plain-files.ts'
import { loadModule } from '../../src/host/process/load-module.ts'
import { serveAnotherLeaf } from '../support/another-leaf.ts'
import { makeAuthority } from '../support/certificates.ts'
import { keepsContract } from '../support/connector-contract.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { type Ran, runWaxseal } from '../support/run-waxseal.ts'
import { servedLeaf } from '../support/served-leaf.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const skip = unlessInstalled('stunnel4')

t.test('the template of the documentation keeps the contract of a connector', async (t) => {
  const { module } = await host(t)

  await keepsContract(t, parseOutside(module, await loadModule(module)))
})

t.test('a configuration that names the template deploys with it', async (t) => {
  const { at, deploy } = await host(t)

  const ran = await deploy({ reload_command: 'true' })

  t.match(ran, { status: 0, stdout: /Nothing was verified/ })
  t.match(await readFile(at('site.pem'), 'utf8'), /PRIVATE KEY[\s\S]*CERTIFICATE/)
})

t.test('on a real stunnel the template deploys, or has the old leaf back', { skip }, async (t) => {
  const { at, pair, deploy } = await host(t)
  const old = await authority.issue({ names })
  await writeText(at('site.pem'), old.keyPem + old.certificatePem, 0o600)
  const { port, reload } = await startStunnel(t, at)
  const served = (): Promise<string | null> => servedLeaf({ port, protocol: 'tls' })
  const endpoint = { endpoint: `127.0.0.1:${port}`, protocol: 'tls' }
  const another = await serveAnotherLeaf(t)

  const failed = await deploy({
    reload_command: reload,
    endpoints: [endpoint, another],
    post_deploy_verify_attempts: 1,
  })
  const afterwards = await served()
  const deployed = await deploy({ reload_command: reload, endpoints: [endpoint] })

  t.match(failed, { status: 4, stdout: /rolled-back: the host is restored\. VERIFY_FAILED/ })
  t.equal(afterwards, old.sha256)
  t.match(deployed, { status: 0, stdout: /deployed: the host is changed.*seen on 1 of 1 probes/ })
  t.equal(await served(), pair.sha256)
})

t.test('waxseal check lists the template, and finds that it keeps the contract', async (t) => {
  const { check } = await host(t)

  const ran = await check()

  t.match(ran, { status: 0, stdout: /ok +connectors: built in: .*postfix/ })
  t.match(ran.stdout, /ok +connector stunnel: from outside, and it keeps the contract/)
})

t.test('waxseal check fails a module that breaks a promise, and says which', async (t) => {
  const { rewrite, check } = await host(t)
  await rewrite('check: null', "check: ['sh', '-c', 'true']")

  t.match(await check(), {
    status: 1,
    stdout: /failed +connector stunnel: .*it is not true that it proposes no shell: sh -c true/,
  })
})

t.test('a module whose plan never ends is refused in time, as one coded error', async (t) => {
  const { rewrite, deploy } = await host(t)
  await rewrite('async (target, material) => {', 'async (target, material) => { await new Promise(() => {})')

  const ran = await deploy({ reload_command: 'true' })

  t.match(ran, { status: 3, stdout: /refused: the host is untouched\. CONNECTOR_INVALID[^]*takes longer than 2 s/ })
})

t.test('a module that cannot be loaded ends every command with 2, and is named', async (t) => {
  const { module, rewrite, check } = await host(t)
  await rewrite('export const interfaceVersion = 2', 'export const interfaceVersion = 7')

  t.match(await check(), {
    status: 2,
    stdout: '',
    stderr: `module: ${module}; reason: it must export interfaceVersion`,
  })
})

t.test('a module that others may write is not loaded, and the way out is named', async (t) => {
  const { module, deploy } = await host(t)
  await chmod(module, 0o666)

  t.match(await deploy({}), { status: 2, stdout: '', stderr: /CONNECTOR_INVALID[\s\S]*chmod go-w/ })
})

/** A folder with the template as a module, a configuration that names it, and a pair to deploy. */
async function host(t: Test) {
  const page = await readFile(new URL('../../docs/adding-a-connector.md', import.meta.url), 'utf8')
  const [, template = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  const pair = await authority.issue({ names })
  const dir = t.testdir({
    'stunnel.mjs': template,
    'cert.pem': pair.certificatePem + pair.chainPem,
    'key.pem': pair.keyPem,
  })
  await chmod(dir, 0o755)
  const at = (name: string): string => join(dir, name)
  const module = at('stunnel.mjs')
  await chmod(module, 0o644)
  const config = { state_dir: at('state'), connectors: [module], timeouts: { check: '2s' } }
  const configure = (command: string): Promise<void> =>
    writeText(
      at('waxseal.yaml'),
      JSON.stringify({
        ...config,
        policy: { roots: [dir], folders: { [dir]: process.geteuid?.() ?? 0 }, commands: [command] },
      }),
    )
  await configure('true')
  const common = ['--config', at('waxseal.yaml')]
  const files = ['--target', at('target.json'), '--cert', at('cert.pem'), '--key', at('key.pem')]
  return {
    at,
    module,
    pair,
    rewrite: async (from: string, to: string): Promise<void> => writeText(module, template.replace(from, to)),
    check: () => runWaxseal(['check', ...common]),
    /** Deploys with this target, whose reload command the policy allows. */
    deploy: async (target: { readonly reload_command?: string; readonly [field: string]: unknown }): Promise<Ran> => {
      await configure(target.reload_command ?? 'true')
      await writeText(at('target.json'), JSON.stringify({ pem_path: at('site.pem'), ...target }))
      return runWaxseal(['deploy', '--connector', 'Stunnel', ...common, ...files])
    },
  }
}

/** A private stunnel that serves `site.pem`, until the end of the test. */
async function startStunnel(t: Test, at: (name: string) => string) {
  const [port = 0] = await freePorts(1)
  const service = ['[smtps]', `accept = 127.0.0.1:${port}`, 'connect = 127.0.0.1:1', `cert = ${at('site.pem')}`]
  await writeText(at('stunnel.conf'), `${['foreground = yes', 'pid =', ...service].join('\n')}\n`)
  const child = spawn('stunnel4', [at('stunnel.conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exited
  })
  const lines = createInterface({ input: child.stderr })
  for await (const line of lines) if (line.includes('Configuration successful')) break
  child.stderr.resume()
  return { port, reload: `kill -HUP ${child.pid}` }
}
