import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import { request } from 'undici'
import { bundle } from '../../packaging/bundle.ts'
import { root } from '../../packaging/root.ts'
import { installedDocs } from '../../packaging/shipped-docs.ts'
import { commands } from '../../src/cli/commands.ts'
import { waxsealProgram } from '../../src/cli/program.ts'
import { freePorts, makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { version } from '../../src/version.ts'
import { startProcess } from '../support/process.ts'
import { startSite } from '../support/site.ts'

const dir = await makeTemporaryFolder('waxseal-bundle-')
t.teardown(() => removeTree(dir))
const folders = await bundle(root, dir)
const file = join(dir, 'waxseal.cjs')
const run = promisify(execFile)
const unit = await readFile(join(root, 'systemd/waxseal.service'), 'utf8')
const [, ...unitCommand] = (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '').split(' ')
const unitOptions = unitCommand.slice(0, -2)

t.test('the bundle knows its version and each of its commands, and says nothing else', async (t) => {
  t.same(await run(process.execPath, [file, '--version']), { stdout: `${version}\n`, stderr: '' })
  for (const command of (await waxsealProgram(commands)).commands) {
    const { stdout, stderr } = await run(process.execPath, [file, command.name(), '--help'])
    t.match(stdout, `Usage: waxseal ${command.name()}`)
    t.equal(stderr, '')
  }
})

t.test('the bundle explains each code itself, and names the pages of the package', async (t) => {
  const { stdout } = await run(process.execPath, [file, 'explain', 'CONFIG_INVALID'])

  t.match(
    stdout,
    /^CONFIG_INVALID: [^]*Host: untouched\. Retry: never\. [^]*`\/usr\/share\/doc\/waxseal\/docs\/configuration\.md`/,
  )
  t.match((await run(process.execPath, [file, 'deploy', '--help'])).stdout, 'waxseal/docs/connectors.md')
})

t.test('the bundle serves the control plane, which needs SQLite and the X.509 library', async (t) => {
  const args = [file, 'control-plane', 'serve', '--data-dir', join(dir, 'data'), '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')

  child.kill('SIGTERM')

  t.match(line, 'The control plane listens at https://127.0.0.1:')
  t.same(await once(child, 'close'), [0, null])
})

t.test('all programs are ASCII: one other character, and the runtime keeps twice its size', async (t) => {
  for (const program of [file, join(dir, 'courier.cjs'), join(dir, 'deployer.cjs')])
    t.notMatch(await readFile(program, 'latin1'), /[\x80-\xff]/, program)
})

t.test('where a library compares the name of a class, that class has kept it', async (t) => {
  const text = (await readFile(file, 'latin1')).replaceAll(/\\?\n/g, '')
  const names = [...text.matchAll(/\.name[!=]={1,2}"([A-Z_]\w*)"/g)].map(([, name = '']) => name)

  const ofTheLanguage = ['AsyncFunction', 'DOMException', 'Error', 'TypeError']
  // An algorithm's; and that of a request that only a test of fastify's makes.
  const noClass = ['ECDSA', '_CustomLMRRequest']
  t.strictSame(new Set(names), new Set([...ofTheLanguage, ...noClass, 'Sequence']))
  t.match(text, /static\{[\w$]+\(this,"Sequence"\)/)
})

t.test('the container starts both halves on the runtime as the services start one each', async (t) => {
  const image = await readFile(join(root, 'Dockerfile'), 'utf8')
  const deployUnit = await readFile(join(root, 'systemd/waxseal-deploy.service'), 'utf8')
  const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(image)?.[1] ?? '') as readonly string[]
  const environment = [...unit.matchAll(/^Environment=(.*)$/gm)].map(([, setting]) => setting)

  t.match(image, '\nCMD ["agent"]\n')
  t.equal(/^ExecStart=(.*)$/m.exec(unit)?.[1], `${entrypoint.join(' ')} courier`)
  t.equal(/^ExecStart=(.*)$/m.exec(deployUnit)?.[1], `${entrypoint.join(' ')} deployer`)
  t.equal(/^ENV (.*)$/m.exec(image)?.[1], environment.join(' '))
})

t.test('the starter reads the code of the program from its cache', async (t) => {
  const { start, cacheCode, readsCode } = await installed('cached')
  t.equal(await readsCode(), false)

  await cacheCode()

  t.equal(await readsCode(), true)
  t.same(await start('--version'), { stdout: `${version}\n`, stderr: '' })
})

t.test(
  'the agent that is started for the code cache leaves nothing behind; where it cannot start there is no code',
  async (t) => {
    const { path, cacheCode, rewrite } = await installed('left')
    await mkdir(path('tmp'))
    const env = { TMPDIR: path('tmp') }
    t.match((await cacheCode(env)).stdout, /agent starts.*poll failed.*agent ends/s)
    t.same(await readdir(path('tmp')), [])
    await rm(path('waxseal.code'))
    await rewrite('waxseal.cjs', (program) =>
      Buffer.from(program.toString('latin1').replaceAll('credential_file', 'credential_gone'), 'latin1'),
    )

    await t.rejects(cacheCode(env), { code: 2, stderr: /CONFIG_INVALID/ })

    t.same(await readdir(path('tmp')), [])
    await t.rejects(stat(path('waxseal.code')), { code: 'ENOENT' })
  },
)

t.test(
  'the deployer that is started for the code cache answers what it is asked, and leaves nothing behind',
  async (t) => {
    const { path, cacheCode } = await installed('asked')
    await mkdir(path('tmp'))

    const { stdout } = await cacheCode({ TMPDIR: path('tmp') }, 'deployer')

    t.match(stdout, /deployer starts.*deployer ends/s)
    t.notMatch(stdout, /ask refused/)
    t.same(await readdir(path('tmp')), [])
    t.ok((await stat(path('deployer.code'))).size > 500_000)
  },
)

t.test('code of another program is not run, were it as long', async (t) => {
  const { start, cacheCode, rewrite } = await installed('exchanged')
  await cacheCode()
  t.match((await start('agent', '--help')).stdout, 'SIGTERM')

  await rewrite('waxseal.cjs', (program) =>
    Buffer.from(program.toString('latin1').replaceAll('SIGTERM', 'SIGTREM'), 'latin1'),
  )

  t.match((await start('agent', '--help')).stdout, 'SIGTREM')
})

t.test('code that is not whole is not run', async (t) => {
  const { start, cacheCode, rewrite, readsCode } = await installed('broken')
  for (const [what, change] of [
    ['a byte', (code: Buffer) => code.fill(code.readUInt8(500_000) ^ 1, 500_000, 500_001)],
    ['its end', (code: Buffer) => code.subarray(0, 500_000)],
    ['all of it', () => Buffer.alloc(0)],
  ] as const) {
    await cacheCode()
    await rewrite('waxseal.code', change)

    t.equal(await readsCode(), false, what)
    t.same(await start('--version'), { stdout: `${version}\n`, stderr: '' }, what)
  }
})

t.test('a runtime with other options, as the control plane has them, compiles the program itself', async (t) => {
  const { path, cacheCode } = await installed('jitless')
  await cacheCode()

  const ran = await run(process.execPath, ['--jitless', path('start.cjs'), '--version'])

  t.same(ran, { stdout: `${version}\n`, stderr: '' })
})

t.test('the checks that were compiled for the bundle say what those of the sources say', async (t) => {
  const config = join(dir, 'waxseal.yaml')
  const said = async (...command: readonly string[]): Promise<string> => {
    const failed = await run(process.execPath, [...command, 'agent', '--config', config]).catch((error) => error)
    return String(failed.stderr)
  }
  for (const [text, reason] of [
    ['poll_intervall: 30s', /no such setting is known.*Is poll_interval meant/s],
    ['control_plane: { url: "http://plain.example.net" }', /https:/],
    ['policy: { roots: 7 }', /policy\.roots/],
    ['[]', /it has to be a mapping of names to values/],
  ] as const) {
    await writeFile(config, text)
    const stderr = await said(file)

    t.match(stderr, reason, text)
    t.equal(stderr.replaceAll(installedDocs, 'docs/'), await said(join(root, 'src/main.ts')), text)
  }
})

t.test('an agent that has deployed before and has nothing to do compiles no schema', async (t) => {
  const [port = 0] = await freePorts(1)
  const site = await startSite({ status: { listen: `127.0.0.1:${port}` } })
  t.teardown(() => site.close())
  const first = site.startAgent()
  await site.request()
  await first.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
  first.kill('SIGTERM')
  await first.exited
  const { path, rewrite } = await installed('without-compiler')
  for (const half of ['courier.cjs', 'deployer.cjs'])
    await rewrite(half, (program) => {
      const text = program.toString('latin1')
      const library = /=\{allowUnionTypes:!0,verbose:!0,validateSchema:!1,/
      t.match(text, library)
      return Buffer.from(
        text.replace(library, (found) => found.replace('=', '=schemasAreCompiled&&')),
        'latin1',
      )
    })

  const agent = startProcess([process.execPath, path('start.cjs'), 'agent', '--config', join(site.dir, 'waxseal.yaml')])
  t.teardown(() => agent.kill('SIGKILL'))
  await agent.waitFor(({ msg }) => msg === 'agent starts')
  for (let polled = ''; polled === ''; ) {
    const { body } = await request(`http://127.0.0.1:${port}/status`)
    const status = (await body.json()) as { readonly controlPlane?: { readonly lastPoll: string | null } }
    if (status.controlPlane === undefined) throw new Error(`the status is ${JSON.stringify(status)}`)
    polled = status.controlPlane.lastPoll ?? ''
  }

  t.equal((await request(`http://127.0.0.1:${port}/readyz`)).statusCode, 200)
  agent.kill('SIGTERM')
  t.equal(await agent.exited, 0)
  t.notMatch(JSON.stringify(agent.lines), 'schemasAreCompiled')
})

t.test('a module from outside is loaded by the bundle, and its schema compiled', async (t) => {
  const module = join(dir, 'outside.mjs')
  const documented =
    /```js\n([^]*?)```/.exec(await readFile(join(root, 'docs/adding-a-connector.md'), 'utf8'))?.[1] ?? ''
  const config = join(dir, 'outside.yaml')
  await writeFile(config, JSON.stringify({ state_dir: join(dir, 'state'), connectors: [module] }))
  const { path } = await installed('outside')
  const check = async (): Promise<string> => {
    const args = [path('start.cjs'), 'check', '--config', config, '--json']
    const ran = await run(process.execPath, args).catch(
      (error: unknown) => error as { readonly stdout: string; readonly stderr: string },
    )
    return ran.stdout + ran.stderr
  }

  await writeFile(module, documented)
  t.match(await check(), /it keeps the contract/)

  await writeFile(
    module,
    documented.replace("'Key, leaf and chain", "7, type: 'nonsense', title: 'Key, leaf and chain"),
  )
  t.match(await check(), /CONNECTOR_INVALID.*schema is invalid/)
})

t.test('the licence of each package in the bundle is beside it', async (t) => {
  const text = await readFile(join(dir, 'THIRD-PARTY-LICENCES.txt'), 'utf8')

  t.ok(folders.length > 50)
  for (const name of ['@peculiar/x509', 'fastify', 'pino', 'undici']) t.match(text, new RegExp(`\n${name} \\d`))
  const headings = text.match(/^={80}\n\S+ \d\S* \(.+\)\n={80}$/gm)
  t.equal(headings?.length, folders.length, 'a heading each, between two rules')
})

/** The starter and the program in a folder of their own, as the package installs them. */
async function installed(name: string) {
  const path = (one: string): string => join(dir, name, one)
  await mkdir(join(dir, name))
  for (const one of ['start.cjs', 'cache-code.cjs', 'waxseal.cjs', 'courier.cjs', 'deployer.cjs'])
    await copyFile(join(dir, one), path(one))
  return {
    path,
    start: (...args: readonly string[]) => run(process.execPath, [path('start.cjs'), ...args]),
    cacheCode: (env: Readonly<Record<string, string>> = {}, ...programs: readonly string[]) =>
      run(process.execPath, [path('cache-code.cjs'), ...programs], { env }),
    rewrite: async (one: string, change: (contents: Buffer) => Uint8Array) =>
      writeFile(path(one), change(await readFile(path(one)))),
    /** As the service has them: the runtime tells what it reads from code caches; none of its own is as large. */
    readsCode: async () => {
      const options = [...unitOptions, '--profile-deserialization']
      const { stdout } = await run(process.execPath, [...options, path('start.cjs'), '--version'])
      return [...stdout.matchAll(/Deserializing from (\d+) bytes/g)].some(([, bytes]) => Number(bytes) > 500_000)
    },
  }
}
