import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeText } from '../../src/host/file/plain-files.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { startWaxseal } from '../support/process.ts'
import { jsonOf } from '../support/run-waxseal.ts'
import type { FaultHost } from './support/fault-host.ts'
import { killedBetweenRenames } from './support/killed-between-renames.ts'

t.setTimeout(600_000)
const skip = unlessInstalled('strace')

t.test('a connector that cannot be loaded does not stop waxseal recover', { skip }, async (t) => {
  const host = await killedBetweenRenames(t)
  await configure(host, { connectors: [join(host.dir, 'missing.mjs')] })

  const ran = await host.recover()

  t.match(ran, { status: 0 })
  t.match(jsonOf(ran), { recovered: [{ did: 'put back', code: null }] })
  await isAsBefore(t, host)
})

const stops = {
  'a connector that cannot be loaded': { connectors: ['/nowhere/missing.mjs'] },
  'a credential that is missing': {},
}

for (const [what, changes] of Object.entries(stops)) {
  t.test(`${what} stops the start of an agent, but not its recovery`, { skip }, async (t) => {
    const host = await killedBetweenRenames(t)
    const key = join(host.dir, 'api-key')
    if (what !== 'a credential that is missing') await writeText(key, 'a-key-of-the-test\n', 0o600)
    const controlPlane = { url: 'https://127.0.0.1:1', agent_id: 'agent', credential_file: key }
    await configure(host, { control_plane: controlPlane, ...changes })

    const agent = startWaxseal(['agent', '--config', join(host.dir, 'waxseal.yaml')])

    t.equal(await agent.exited, 2)
    t.match(
      agent.lines.find(({ msg }) => msg === 'recovered'),
      { did: 'put back' },
    )
    await isAsBefore(t, host)
  })
}

const broken = {
  'a connector that cannot be loaded': stops['a connector that cannot be loaded'],
  'a setting that is none': { polcy: {} },
}

for (const [what, changes] of Object.entries(broken)) {
  t.test(`${what} stops the start of a deployer, but not its recovery`, { skip }, async (t) => {
    const host = await killedBetweenRenames(t)
    await configure(host, changes)
    const args = ['--config', join(host.dir, 'waxseal.yaml'), '--socket', join(host.dir, 'deploy.sock')]

    const deployer = startWaxseal(['deployer', ...args])

    t.equal(await deployer.exited, 2)
    t.match(
      deployer.lines.find(({ msg }) => msg === 'recovered'),
      { did: 'put back' },
    )
    await isAsBefore(t, host)
  })
}

t.test('an agent without a control plane recovers, and waits for one', { skip }, async (t) => {
  const host = await killedBetweenRenames(t)
  await configure(host, { control_plane: undefined, status: { listen: 'off' } })

  const agent = startWaxseal(['agent', '--config', join(host.dir, 'waxseal.yaml')])
  const recovered = await agent.waitFor(({ msg }) => msg === 'recovered')
  agent.kill('SIGTERM')

  t.equal(await agent.exited, 0)
  t.match(recovered, { did: 'put back' })
  await isAsBefore(t, host)
})

async function configure({ dir }: FaultHost, changes: object): Promise<void> {
  const file = join(dir, 'waxseal.yaml')
  await writeText(file, JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), ...changes }))
}

async function isAsBefore(t: Test, host: FaultHost): Promise<void> {
  t.equal(await host.leafOnDisk(), host.oldPair.sha256)
  t.same(await host.violations(), [])
}
