import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { readHostTargets } from '../../src/config/host-targets.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { builtProgram } from '../support/built-program.ts'
import { agentEnv, blocks, lineOf } from '../support/moving-page.ts'
import { startOriginServer } from '../support/origin-server.ts'

const unitFile = new URL('../../systemd/waxseal.service', import.meta.url)

t.test(
  'the commands of docs/moving-from-certctl.md do what it says, on an agent.env as the other installer writes it',
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-moving-')
    const at = (name: string): string => join(dir, name)
    for (const name of ['authority', 'bin', 'etc']) await makeFolder(at(name))
    const origin = await startOriginServer(at('authority'))
    t.teardown(async () => {
      await origin.close()
      await removeTree(dir)
    })
    const { id, key } = origin.addAgent('mail')
    await writeText(at('ca.pem'), origin.caPem)
    await writeText(at('agent.env'), agentEnv(id, origin.url, key, at('ca.pem')), 0o600)
    await writeText(at('bin/waxseal'), `#!/bin/sh\nexec '${process.execPath}' '${builtProgram}' "$@"\n`, 0o755)
    await writeText(at('empty.yaml'), `state_dir: ${at('state')}\nstatus: { listen: off }\n`)
    const paths = [
      ['/etc/certctl/agent.env', at('agent.env')],
      ['/root/api-key', at('api-key')],
      ['https://certctl.example.net:8443', origin.url],
      [
        '--agent-id AGENT',
        `--agent-id ${id} --credential-file ${at('etc/credential')} --config ${at('etc/waxseal.yaml')}`,
      ],
      ['--ca-file ca.pem', `--ca-file ${at('ca.pem')}`],
      ['waxseal check', `waxseal check --config ${at('empty.yaml')}`],
    ] as const
    const run = (line: string): Promise<string> =>
      shell(
        paths.reduce((command, [there, here]) => command.replaceAll(there, here), line),
        at('bin'),
      )

    const checked = await run(lineOf('waxseal check'))
    await run(lineOf('/root/api-key)'))
    const enrolled = await run(lineOf('waxseal enroll'))

    t.match(checked, /ok +control plane: a heartbeat was answered/)
    t.match(enrolled, `Enrolled as ${id}`)
    t.equal((await stat(at('api-key'))).mode & 0o777, 0o600)
    t.equal(await readFile(at('etc/credential'), 'utf8'), `${key}\n`)
  },
)

t.test('the drop-in of the page takes away what the unit wants and agent.env makes needless', async (t) => {
  const unit = await readFile(unitFile, 'utf8')
  const dropIn = blocks.join('\n')

  t.match(unit, /^LoadCredential=.+/m, 'the unit has it')
  t.match(dropIn, /^LoadCredential=$/m, 'an empty value takes it away')
})

t.test('the target of the page is one', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-moving-')
  t.teardown(() => removeTree(dir))
  await writeText(join(dir, 'mail.yaml'), blocks.find((block) => block.startsWith('target_id:')) ?? '')

  t.match(await readHostTargets(dir), { targets: [{ connector: 'postfix', fields: { key_path: String } }], broken: [] })
})

/** What a command line of the page prints: a person types it into a shell. */
async function shell(line: string, bin: string): Promise<string> {
  const env = { PATH: `${bin}:${process.env['PATH']}` }
  const child = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return stdout + stderr
}
