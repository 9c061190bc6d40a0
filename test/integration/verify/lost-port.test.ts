import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commitFiles } from '../../../src/apply/commit.ts'
import { stageFiles } from '../../../src/apply/stage.ts'
import { runOrThrow, waitForPorts } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { recover } from '../../../src/deployer/recover.ts'
import { lookForAll } from '../../../src/deployer/transaction/look-for-all.ts'
import { freePorts, makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import type { JournalEntry } from '../../../src/journal/journal.ts'
import type { CommandFacts, Outcome } from '../../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { changesIn } from '../../support/changes.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { type Changes, journalEntry } from '../../support/journal-entry.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { servedLeaf } from '../../support/served-leaf.ts'

// Dovecot 2.3 loses a port in brackets at some of its reloads (dovecot-wiring.test.ts); this stunnel does so at every other one.

const authority = await (await makeAuthority()).intermediate()
const retry = { attempts: 3, initialMs: 20, maxMs: 100 }
const skip = { skip: unlessInstalled('stunnel') }

t.test('a port that a reload has closed is open after a second one, and that is told', skip, async (t) => {
  const { port, pairs, deployPair, reloads } = await open(t)

  const outcome = await deployPair(pairs[1])

  const lost = `tls 127.0.0.1:${port} .*refused connections after the reload, and answered after a second one`
  t.match(outcome, { outcome: 'deployed', proven: true, warnings: [new RegExp(lost)] })
  t.equal(await reloads(), 2)
  t.equal(await servedLeaf({ port, protocol: 'tls' }), pairs[1].sha256)
})

t.test('a port that the reload of a rollback has closed is open after a second one', skip, async (t) => {
  const { port, pairs, deployPair, reloads } = await open(t, 1)

  const outcome = await deployPair(pairs[1], [`127.0.0.1:${port}`, await serveAnotherLeaf(t)])

  t.match(outcome, { outcome: 'rolled-back', code: 'VERIFY_FAILED', host: 'restored' })
  t.equal(await reloads(), 4)
  t.equal(await servedLeaf({ port, protocol: 'tls' }), pairs[0].sha256)
})

t.test('where the second reload fails, too, nobody waits for the port again', skip, async (t) => {
  const { dir, pairs, deployPair, reloads } = await open(t)
  await writeFile(join(dir, 'broken'), '')

  const outcome = await deployPair(pairs[1])

  t.match(outcome, { outcome: 'rollback-failed', code: 'ROLLBACK_FAILED', host: 'unknown' })
  t.equal(await reloads(), 4)
  const verify = outcome.steps.find(({ name }) => name === 'verify')
  t.match(verify?.commands, [{ exitCode: 1 }])
})

t.test('a recovery that finishes a deployment has a port that it has closed opened, too', skip, async (t) => {
  const { port, pairs, engine, pem, program, reloads, committed } = await open(t)
  const reload = [[program]] as const
  const entry = await committed({ oldLeaves: [[pairs[0].sha256]], checks: [], activate: reload, recover: reload })
  await engine.journal.put('target', entry)

  t.match(await recover(engine), [{ did: 'finished', error: null }])

  t.equal(await reloads(), 2)
  t.equal(await readFile(pem, 'utf8'), textOf(pairs[1]))
  t.equal(await servedLeaf({ port, protocol: 'tls' }), pairs[1].sha256)
})

t.test('a service that is not reloaded is not said to be', skip, async (t) => {
  const { engine, program, reloads, committed } = await open(t)
  await runOrThrow([program])
  const entry = await committed({ activate: [] })
  const commands: CommandFacts[] = []

  const { failed, lost } = await lookForAll(entry, engine, commands)

  t.match(failed, [{ ok: false, attempts: retry.attempts, error: /ECONNREFUSED/ }])
  t.same([lost, commands], [[], []])
  t.equal(await reloads(), 1)
})

function textOf({ keyPem, certificatePem, chainPem }: TestPair): string {
  return keyPem + certificatePem + chainPem
}

/** `reloaded`: so often before; the one that makes it even opens the port. */
async function open(t: Test, reloaded = 0) {
  const dir = await makeTemporaryFolder('waxseal-lost-port-')
  const issue = (): Promise<TestPair> => authority.issue({ names: ['tunnel.example.net'] })
  const pairs = [await issue(), await issue()] as const
  const [port = 0] = await freePorts(1)
  const pem = join(dir, 'pair.pem')
  const pidFile = join(dir, 'pid')
  const count = join(dir, 'count')
  const program = join(dir, 'reload')
  const config = join(dir, 'stunnel.conf')
  await writeFile(pem, textOf(pairs[0]), { mode: 0o600 })
  await writeFile(
    config,
    `pid = ${pidFile}\noutput = ${dir}/log\n[tls]\naccept = 127.0.0.1:${port}\nconnect = 127.0.0.1:1\ncert = ${pem}\n`,
  )
  await writeFile(count, String(reloaded))
  await writeFile(
    program,
    `#!/bin/sh
set -eu
times=$(($(cat ${count}) + 1))
echo $times > ${count}
[ ! -e ${pidFile} ] || kill "$(cat ${pidFile})"
while [ -e ${pidFile} ]; do sleep 0.05; done
if [ $((times % 2)) = 0 ]; then
  [ ! -e ${dir}/broken ]
  exec stunnel ${config}
fi
`,
    { mode: 0o755 },
  )
  await runOrThrow(['stunnel', config])
  t.teardown(async () => {
    await runOrThrow(['pkill', '-TERM', '-F', pidFile]).catch(() => {})
    await removeWhenQuiet(dir)
  })
  await waitForPorts([{ name: 'tls', port, protocol: 'tls' }])
  const engine = await openTestEngine(dir, [program])
  const deployPair = (pair: TestPair, endpoints: readonly string[] = [`127.0.0.1:${port}`]): Promise<Outcome> =>
    deploy(
      {
        target: 'tunnel',
        connector: 'Files',
        config: {
          service: 'stunnel',
          files: [{ path: pem, format: 'key-and-chain' }],
          reload_command: program,
          endpoints,
          post_deploy_verify_attempts: 3,
          post_deploy_verify_backoff: '20ms',
        },
        certificatePem: pair.certificatePem,
        chainPem: pair.chainPem,
        findKey: async () => pair.keyPem,
      },
      engine,
    )
  /** The journal's entry of the second pair, whose files are in place. */
  const committed = async (changes: Changes): Promise<JournalEntry> => {
    const prepared = await changesIn(dir, { 'pair.pem': textOf(pairs[1]) })
    await stageFiles(prepared)
    await commitFiles(prepared)
    const probe = {
      host: '127.0.0.1',
      port,
      protocol: 'tls',
      servername: null,
      keyType: null,
      timeoutMs: 5000,
    } as const
    return journalEntry(prepared, { probes: [probe], newLeaf: pairs[1].sha256, retry, ...changes })
  }
  return {
    dir,
    port,
    pairs,
    committed,
    engine,
    pem,
    program,
    deployPair,
    reloads: async () => Number(await readFile(count, 'utf8')),
  }
}
