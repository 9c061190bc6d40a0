import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { startMailServer } from '../../support/daemons.ts'
import { deployPair, leavesOf, openTestEngine, targetOf } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { type Ran, runWaxseal } from '../../support/run-waxseal.ts'

/** A mail server (Postfix where it can be) with its first pair, an engine, and a pair to deploy. */
export interface TestMailHost {
  readonly dir: string
  readonly daemon: Daemon
  readonly engine: Engine
  readonly oldPair: TestPair
  readonly newPair: TestPair
  /** A script that the policy allows. */
  readonly scriptPath: string
  /** Writes it: `log WORD` in it is for `logged`. */
  script(...lines: readonly string[]): Promise<string>
  logged(): Promise<readonly string[]>
  deploy(pair: TestPair, changes?: Readonly<Record<string, unknown>>): Promise<Outcome>
  /** The same by `waxseal deploy` in a process of its own. */
  deployAlone(pair: TestPair, changes?: Readonly<Record<string, unknown>>): Promise<Ran>
  /** Every port serves this leaf and no other. */
  serves(t: Test, pair: TestPair): Promise<void>
}

const authority = await makeAuthority()
const names = ['mail.example.net']

/** Starts it; it ends with the test. */
export async function startTestMailHost(t: Test): Promise<TestMailHost> {
  const dir = await makeTemporaryFolder('waxseal-mail-')
  const [oldPair, newPair] = await Promise.all([authority.issue({ names }), authority.issue({ names })])
  const daemon = await startMailServer(dir, oldPair)
  t.teardown(async () => {
    await daemon.stop()
    await removeWhenQuiet(dir)
  })
  const scriptPath = join(dir, 'script')
  const log = join(dir, 'script.log')
  const commands = [daemon.check.join(' '), daemon.reload.join(' '), 'true', 'false', scriptPath]
  const engine = await openTestEngine(dir, commands)
  return {
    dir,
    daemon,
    engine,
    oldPair,
    newPair,
    scriptPath,
    script: async (...lines) => {
      await writeText(
        scriptPath,
        ['#!/bin/sh', `log() { echo "$1" >> ${log}; }`, `reload() { ${daemon.reload.join(' ')}; }`, ...lines, ''].join(
          '\n',
        ),
        0o755,
      )
      return scriptPath
    },
    logged: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((word) => word !== ''),
    deploy: (pair, changes) => deployPair(engine, daemon, pair, changes),
    deployAlone: async (pair, changes = {}) => {
      const at = (name: string): string => join(dir, name)
      await writeText(at('target.json'), JSON.stringify({ ...targetOf(daemon), ...changes }))
      await writeText(at('new.pem'), pair.certificatePem)
      await writeText(at('new.key'), pair.keyPem, 0o600)
      const pem = ['--cert', at('new.pem'), '--key', at('new.key')]
      const files = ['--config', at('waxseal.yaml'), '--target', at('target.json'), ...pem]
      return runWaxseal(['deploy', '--json', '--connector', 'postfix', '--name', daemon.name, ...files])
    },
    serves: async (t, { sha256 }) => {
      t.same(
        await leavesOf(daemon),
        daemon.ports.map(() => sha256),
        'what the ports serve',
      )
    },
  }
}
