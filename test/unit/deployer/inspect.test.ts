import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deploy } from '../../../src/deployer/deploy.ts'
import { inspect } from '../../../src/deployer/inspect.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import type { DeploymentRecord } from '../../../src/journal/deployment-record.ts'
import type { Probe } from '../../../src/plan/plan.ts'
import { openCanaries } from '../../hostile/support/canaries.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'

const authority = await makeAuthority()

t.test('what the policy of today does not allow is neither run nor connected to, and is named', async (t) => {
  const { dir, record, engineWith } = await open(t)
  const canaries = await openCanaries(dir)
  t.teardown(() => canaries.close())
  const program = await canaries.program(join(dir, 'bin/check'))
  const socket = await canaries.socket(join(dir, 'run/other.sock'))
  const earlier = { ...record, check: [program] as const, looks: [{ ...look, host: socket }] }

  const { valid, reasons, commands, probes } = await inspect(earlier, await engineWith(['true']), { withCheck: true })

  t.same(await canaries.touched(), [])
  t.same(reasons, [
    `The policy of today does not allow ${program}, by which it was deployed: it is not asked. Allow it again, or deploy the target anew.`,
    `The policy of today does not allow ${socket}, by which it was deployed: it is not asked. Allow it again, or deploy the target anew.`,
  ])
  t.same([valid, commands, probes], [false, [], []])
})

t.test('what it allows is run and connected to', async (t) => {
  const { dir, record, engineWith } = await open(t)
  const mark = join(dir, 'mark')
  const program = join(dir, 'check')
  await writeFile(program, `#!/bin/sh\ntouch ${mark}\n`)
  await chmod(program, 0o755)

  const earlier = { ...record, check: [program] as const, looks: [{ ...look, host: '127.0.0.1', port: 1 }] }
  const { reasons, commands } = await inspect(earlier, await engineWith([program]), { withCheck: true })

  t.ok((await stat(mark)).isFile())
  t.match(commands, [{ exitCode: 0 }])
  t.match(reasons, [/^tls 127\.0\.0\.1:1: connect: /])
})

const look: Probe = {
  host: '127.0.0.1',
  port: 0,
  protocol: 'tls',
  servername: null,
  keyType: null,
  timeoutMs: 1000,
}

/** A record of a deployment, and engines with other policies on its state. */
async function open(t: Test): Promise<{
  readonly dir: string
  readonly record: DeploymentRecord
  readonly engineWith: (commands: readonly string[]) => ReturnType<typeof openTestEngine>
}> {
  // A path of a Unix socket is bounded in length.
  const dir = await makeTemporaryFolder('waxseal-inspect-')
  t.teardown(() => removeTree(dir))
  await mkdir(join(dir, 'tls'))
  const engineWith = (commands: readonly string[]): ReturnType<typeof openTestEngine> =>
    openTestEngine(dir, commands, { roots: [join(dir, 'tls')], dane: 'off' })
  const engine = await engineWith(['true'])
  const pair = await authority.issue({ names: ['mail.example.net'] })
  const config = {
    cert_path: join(dir, 'tls/cert.pem'),
    key_path: join(dir, 'tls/key.pem'),
    validate_command: 'true',
    reload_command: 'true',
  }
  await deploy({ target: 'target', connector: 'Postfix', config, ...pair, findKey: async () => pair.keyPem }, engine)
  const record = await engine.records.get('target')
  if (record === null) throw new Error('nothing was deployed')
  return { dir, record, engineWith }
}
