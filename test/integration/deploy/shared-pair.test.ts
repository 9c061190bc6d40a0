import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { dovecot } from '../../../src/connector/dovecot/dovecot.ts'
import { readDovecotWiring } from '../../../src/connector/dovecot/read-wiring.ts'
import { postfix } from '../../../src/connector/postfix/postfix.ts'
import { readPostfixWiring } from '../../../src/connector/postfix/read-wiring.ts'
import { createRegistry } from '../../../src/connector/registry/registry.ts'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { pairPathsIn, startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { deploy, deployTogether } from '../../../src/deployer/deploy.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import type { DeployRequest } from '../../../src/deployer/propose/deploy-request.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { ownInstance } from '../../support/own-instance.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })
const skip = unlessInstalled('postfix', 'dovecot')

t.test('postfix and dovecot read one pair', { skip }, async (t) => {
  const host = await open(t)
  const { postfixDaemon, dovecotDaemon, engine } = host
  const [second, third] = await Promise.all([issue(), issue()])

  await t.test('the first deployment, by the target of one, activates and proves both', async (t) => {
    const outcome = await host.deploy('postfix', second)

    t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
    t.same(commandsOf(outcome, 'activate'), [postfixDaemon.reload, dovecotDaemon.reload])
    t.same(new Set(commandsOf(outcome, 'preflight')), new Set([postfixDaemon.check, dovecotDaemon.check]))
    t.same(
      portsOf(outcome),
      [...postfixDaemon.ports, ...dovecotDaemon.ports].map(({ port }) => port).toSorted(ascending),
    )
    t.same(new Set(await host.leaves()), new Set([second.sha256]))
  })

  await t.test('the target of the other, with the same files, is unchanged then, and again', async (t) => {
    t.match(await host.deploy('dovecot', second), { outcome: 'unchanged', host: 'untouched' })
    t.match(await host.deploy('dovecot', second), { outcome: 'unchanged' })
    t.match(
      (await engine.records.get('dovecot'))?.looks.map(({ port }) => port).toSorted(ascending),
      dovecotDaemon.ports.map(({ port }) => port).toSorted(ascending),
    )
  })

  await t.test('the two targets together are one reload of each', async (t) => {
    const outcomes = await host.deployBoth(third)

    t.same(outcomes.map(({ outcome }) => outcome).toSorted(), ['deployed', 'unchanged'])
    t.same(new Set(await host.leaves()), new Set([third.sha256]))
  })

  await t.test('a reload of the other that fails undoes both', async (t) => {
    const before = await filesOf(postfixDaemon)
    await host.breakReload(true)

    const outcome = await host.deploy('postfix', await issue())

    await host.breakReload(false)
    t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'ACTIVATE_FAILED' })
    t.same(await filesOf(postfixDaemon), before)
    t.same(new Set(await host.leaves()), new Set([third.sha256]))
    t.same(await engine.journal.list(), [])
  })

  await t.test('of another whose configuration is broken nothing is known, and it holds up nobody', async (t) => {
    const file = join(host.dir, 'dovecot', 'dovecot.conf')
    const config = await readFile(file, 'utf8')
    await appendFile(file, 'nonsense = yes\n')

    const pair = await issue()
    const outcome = await host.deploy('postfix', pair)

    await writeFile(file, config)
    t.match(outcome, { outcome: 'deployed' })
    t.same(new Set(await leavesOf(postfixDaemon)), new Set([pair.sha256]))
  })

  await t.test('another that does not run is not waited for', async (t) => {
    await dovecotDaemon.stop()
    const pair = await issue()

    const outcome = await host.deploy('postfix', pair)

    t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
    t.same(commandsOf(outcome, 'activate'), [postfixDaemon.reload])
    t.same(new Set(await leavesOf(postfixDaemon)), new Set([pair.sha256]))
  })
})

t.test('what the policy does not let be proven is told before: it will be late', { skip }, async (t) => {
  const host = await open(t, 'listen = 127.0.0.1, 192.0.2.77\n')
  const pair = await issue()

  const outcome = await host.deploy('postfix', pair)

  t.match(outcome, {
    outcome: 'deployed',
    warnings: [/dovecot reads .*cert\.pem, .* too, .*PROBE_NOT_ALLOWED.* until "/],
  })
  t.same(commandsOf(outcome, 'activate'), [host.postfixDaemon.reload])
})

async function open(t: Test, more = '') {
  const dir = await makeTemporaryFolder('waxseal-shared-')
  const first = await issue()
  const paths = pairPathsIn(dir)
  for (const name of ['postfix', 'dovecot']) await makeFolder(join(dir, name))
  const postfixDaemon = await startPostfix(join(dir, 'postfix'), first, paths)
  const running = await startDovecot(join(dir, 'dovecot'), first, paths)
  if (more !== '') await appendFile(join(dir, 'dovecot', 'dovecot.conf'), more)
  const reload = join(dir, 'reload')
  await writeFile(reload, `#!/bin/sh\n[ ! -e ${dir}/broken ] || exit 1\nexec ${running.reload.join(' ')}\n`)
  await chmod(reload, 0o755)
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (!isStopped) await running.stop()
    isStopped = true
  }
  const dovecotDaemon: Daemon = { ...running, reload: [reload], stop }
  t.teardown(async () => {
    await postfixDaemon.stop()
    await stop()
    await removeWhenQuiet(dir)
  })
  const readers = [
    ownInstance(postfix, postfixDaemon, join(dir, 'postfix/queue/pid/master.pid'), (view) =>
      readPostfixWiring(view, join(dir, 'postfix', 'etc')),
    ),
    ownInstance(dovecot, dovecotDaemon, join(dir, 'dovecot/run/master.pid'), (view) =>
      readDovecotWiring(view, join(dir, 'dovecot', 'dovecot.conf')),
    ),
  ]
  const engine: Engine = { ...(await openTestEngine(dir, [])), registry: createRegistry(readers) }
  const request = (name: 'postfix' | 'dovecot', pair: TestPair): DeployRequest => ({
    target: name,
    connector: name,
    config: {
      cert_path: paths.certPath,
      key_path: paths.keyPath,
      daemon_config: name === 'postfix' ? join(dir, 'postfix', 'etc') : join(dir, 'dovecot', 'dovecot.conf'),
      ...(name === 'dovecot' ? { reload_command: reload } : {}),
    },
    certificatePem: pair.certificatePem,
    chainPem: pair.chainPem,
    findKey: async () => pair.keyPem,
  })
  return {
    dir,
    engine,
    postfixDaemon,
    dovecotDaemon,
    deploy: (name: 'postfix' | 'dovecot', pair: TestPair): Promise<Outcome> => deploy(request(name, pair), engine),
    deployBoth: async (pair: TestPair): Promise<readonly Outcome[]> => {
      const outcomes: Outcome[] = []
      const onOutcome = async (outcome: Outcome): Promise<void> => void outcomes.push(outcome)
      const order = (name: 'postfix' | 'dovecot') => ({ request: request(name, pair), onStep: () => {}, onOutcome })
      await deployTogether([order('postfix'), order('dovecot')], engine)
      return outcomes
    },
    breakReload: async (isBroken: boolean): Promise<void> => {
      if (isBroken) await writeFile(join(dir, 'broken'), '')
      else await removeTree(join(dir, 'broken'))
    },
    leaves: async (): Promise<readonly (string | null)[]> =>
      (await Promise.all([postfixDaemon, dovecotDaemon].map(leavesOf))).flat(),
  }
}

function commandsOf({ steps }: Outcome, step: string): readonly (readonly string[])[] {
  return steps.filter(({ name }) => name === step).flatMap(({ commands }) => commands.map(({ command }) => command))
}

function portsOf({ probes }: Outcome): readonly number[] {
  return probes.map(({ address }) => Number(address.slice(address.lastIndexOf(':') + 1))).toSorted(ascending)
}

function ascending(one: number, other: number): number {
  return one - other
}
