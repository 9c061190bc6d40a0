import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseOutside } from '../../src/connector/parse-outside.ts'
import { loadModule } from '../../src/host/load-module.ts'
import { makeAuthority } from '../support/certificates.ts'
import { keepsContract } from '../support/connector-contract.ts'
import { runWaxseal } from '../support/run-waxseal.ts'

const authority = await makeAuthority()

t.test('the template of the documentation keeps the contract of a connector', async (t) => {
  const { module } = await host(t)

  await keepsContract(t, parseOutside(module, await loadModule(module)))
})

t.test('a configuration that names the template deploys with it', async (t) => {
  const { dir, args } = await host(t)

  const ran = await runWaxseal(['deploy', '--connector', 'Stunnel', ...args])

  t.match(ran, { status: 0, stdout: /Nothing was verified/ })
  t.match(await readFile(join(dir, 'site.pem'), 'utf8'), /PRIVATE KEY[\s\S]*CERTIFICATE/)
})

t.test('a module that others may write is not loaded, and the way out is named', async (t) => {
  const { module, args } = await host(t)
  await chmod(module, 0o666)

  const ran = await runWaxseal(['deploy', '--connector', 'Stunnel', ...args])

  t.match(ran, { status: 2, stdout: '', stderr: /CONNECTOR_INVALID[\s\S]*chmod go-w/ })
})

/** A folder with the template as a module, a configuration that names it, and a target of it. */
async function host(t: Test) {
  const page = await readFile(new URL('../../docs/adding-a-connector.md', import.meta.url), 'utf8')
  const [, template = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  const pair = await authority.issue({ names: ['mail.example.net'] })
  const dir = t.testdir({
    'stunnel.mjs': template,
    'cert.pem': pair.certificatePem + pair.chainPem,
    'key.pem': pair.keyPem,
  })
  await chmod(dir, 0o755)
  const module = join(dir, 'stunnel.mjs')
  const target = { pem_path: join(dir, 'site.pem'), reload_command: 'true' }
  await writeFile(join(dir, 'target.json'), JSON.stringify(target))
  const config = {
    state_dir: join(dir, 'state'),
    policy: { roots: [dir], commands: ['true'] },
    connectors: [module],
  }
  await writeFile(join(dir, 'waxseal.yaml'), JSON.stringify(config))
  const files = ['--target', 'target.json', '--cert', 'cert.pem', '--key', 'key.pem', '--config', 'waxseal.yaml']
  const args = files.map((word) => (word.startsWith('--') ? word : join(dir, word)))
  return { dir, module, args }
}
