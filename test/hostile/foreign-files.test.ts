import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'
import { type Ran, runWaxseal } from '../support/run-waxseal.ts'
import { user } from './support/as-user.ts'

/** What the administrator gives to root's processes. */
interface Given {
  /** Where the configuration and all that it names lie. */
  readonly etc: string
  readonly config: string
  readonly stateDir: string
  readonly module: string
  deploy(): Promise<Ran>
  check(): Promise<Ran>
  /** Whether the module was run so far. */
  wasRun(): Promise<boolean>
  /** What is live. */
  served(): Promise<string>
}

/** Another user is able to change one of these before a process of root's starts. */
const foreign: Readonly<Record<string, (given: Given) => Promise<unknown>>> = {
  'a configuration of theirs': ({ config }) => chown(config, user, user),
  'a configuration that others may write': ({ config }) => chmod(config, 0o666),
  'a folder of theirs around the configuration': ({ etc }) => chown(etc, user, user),
  'a folder around the configuration that others may write': ({ etc }) => chmod(etc, 0o777),
  'a state folder of theirs': ({ stateDir }) => chown(stateDir, user, user),
  'a state folder that others may write': ({ stateDir }) => chmod(stateDir, 0o777),
  'a journal of theirs': async ({ stateDir }) => {
    await mkdir(join(stateDir, 'journal'), { mode: 0o700 })
    await chown(join(stateDir, 'journal'), user, user)
  },
  'a module of theirs': ({ module }) => chown(module, user, user),
  'a module that others may write': ({ module }) => chmod(module, 0o666),
}

const authority = await makeAuthority()
const page = await readFile(new URL('../../docs/adding-a-connector.md', import.meta.url), 'utf8')
const [, template = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []

t.test('what is root’s own is taken', async (t) => {
  const given = await give(t)

  t.match(await given.deploy(), { status: 0 })

  t.ok(await given.wasRun())
  t.match(await given.served(), /BEGIN CERTIFICATE/)
})

for (const [what, make] of Object.entries(foreign))
  t.test(`${what} is refused before it is used, and the line that mends it is named`, async (t) => {
    const given = await give(t)
    await make(given)

    for (const run of [given.deploy, given.check]) {
      const { status, stdout, stderr } = await run()
      t.not(status, 0)
      t.match(stdout + stderr, /chown root |chmod go-w /)
    }

    if (!/state|journal/.test(what)) t.notOk(await given.wasRun())
    t.equal(await given.served(), '')
  })

async function give(t: Test): Promise<Given> {
  const dir = await makeTemporaryFolder('waxseal-foreign-')
  t.teardown(() => removeTree(dir))
  const [etc, stateDir, tls] = ['etc', 'state', 'tls'].map((name) => join(dir, name)) as [string, string, string]
  for (const folder of [etc, tls]) await mkdir(folder)
  await mkdir(stateDir, { mode: 0o700 })
  const [config, module, trace, live] = [
    join(etc, 'waxseal.yaml'),
    join(etc, 'module.mjs'),
    join(dir, 'trace'),
    join(tls, 'site.pem'),
  ]
  const pair = await authority.issue({ names: ['mail.example.net'] })
  const files: Readonly<Record<string, string>> = {
    [config]: JSON.stringify({
      state_dir: stateDir,
      connectors: [module],
      policy: { roots: [tls], commands: ['true'], dane: 'off' },
    }),
    [module]: `import { mkdirSync } from 'node:fs'\nmkdirSync(${JSON.stringify(trace)}, { recursive: true })\n${template}`,
    [join(etc, 'target.json')]: JSON.stringify({ pem_path: live, reload_command: 'true' }),
    [join(etc, 'cert.pem')]: pair.certificatePem + pair.chainPem,
    [join(etc, 'key.pem')]: pair.keyPem,
  }
  for (const [path, text] of Object.entries(files)) await writeFile(path, text, { mode: 0o600 })
  const given = ['target.json', 'cert.pem', 'key.pem'].map((name) => join(etc, name))
  const options = ['--target', '--cert', '--key'].flatMap((option, index) => [option, given[index] ?? ''])
  return {
    etc,
    config,
    stateDir,
    module,
    deploy: () => runWaxseal(['deploy', '--connector', 'Stunnel', '--config', config, ...options]),
    check: () => runWaxseal(['check', '--config', config]),
    wasRun: async () => (await readdir(dir)).includes('trace'),
    served: async () => ((await readdir(tls)).length === 0 ? '' : readFile(live, 'utf8')),
  }
}
