import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import { bundle } from '../../packaging/bundle.ts'
import { root } from '../../packaging/root.ts'
import { waxsealProgram } from '../../src/cli/program.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/plain-files.ts'
import { version } from '../../src/version.ts'

const dir = await makeTemporaryFolder('waxseal-bundle-')
t.teardown(() => removeTree(dir))
const folders = await bundle(root, dir)
const file = join(dir, 'waxseal.cjs')
const run = promisify(execFile)

t.test('the bundle knows its version and each of its commands, and says nothing else', async (t) => {
  t.same(await run(process.execPath, [file, '--version']), { stdout: `${version}\n`, stderr: '' })
  for (const command of (await waxsealProgram()).commands) {
    const { stdout, stderr } = await run(process.execPath, [file, command.name(), '--help'])
    t.match(stdout, `Usage: waxseal ${command.name()}`)
    t.equal(stderr, '')
  }
})

t.test('the bundle serves the control plane, which needs SQLite and the X.509 library', async (t) => {
  const args = [file, 'control-plane', 'serve', '--data-dir', join(dir, 'data'), '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')

  child.kill('SIGTERM')

  t.match(line, 'The control plane listens at https://127.0.0.1:')
  t.same(await once(child, 'close'), [0, null])
})

t.test('the bundle is ASCII: one other character, and the runtime keeps twice its size', async (t) => {
  t.notMatch(await readFile(file, 'latin1'), /[\x80-\xff]/)
})

t.test('the container starts the agent on the runtime as the service does', async (t) => {
  const unit = await readFile(join(root, 'systemd/waxseal.service'), 'utf8')
  const image = await readFile(join(root, 'Dockerfile'), 'utf8')
  const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(image)?.[1] ?? '') as readonly string[]
  const environment = [...unit.matchAll(/^Environment=(.*)$/gm)].map(([, setting]) => setting)

  t.equal(/^ExecStart=(.*)$/m.exec(unit)?.[1], `${entrypoint.join(' ')} agent`)
  t.equal(/^ENV (.*)$/m.exec(image)?.[1], environment.join(' '))
  const [, ...options] = entrypoint.slice(0, -1)
  t.same(await run(process.execPath, [...options, file, '--version']), { stdout: `${version}\n`, stderr: '' })
})

t.test('the licence of each package in the bundle is beside it', async (t) => {
  const text = await readFile(join(dir, 'THIRD-PARTY-LICENCES.txt'), 'utf8')

  t.ok(folders.length > 50)
  for (const name of ['@peculiar/x509', 'fastify', 'pino', 'undici']) t.match(text, new RegExp(`\n${name} \\d`))
  const headings = text.match(/^={80}\n\S+ \d\S* \(.+\)\n={80}$/gm)
  t.equal(headings?.length, folders.length, 'a heading each, between two rules')
})
