import { chmod, chown, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load-config.ts'
import type { WrittenConfig } from '../../src/config/resolve-config.ts'
import type { Daemon } from '../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../src/deployer/deploy.ts'
import type { Engine } from '../../src/deployer/engine.ts'
import { openEngine } from '../../src/deployer/open-engine.ts'
import { systemClock } from '../../src/host/clock.ts'
import { writeText } from '../../src/host/file/plain-files.ts'
import type { Outcome } from '../../src/outcome/outcome.ts'
import type { TestPair } from './certificates.ts'
import { servedLeaf } from './served-leaf.ts'

/**
 * An engine below `dir` that may write there, new names beside whatever is in it, too, and run these commands; `policy` is what else its
 * configuration says: `folders: {}` has new names only where a stock host has them.
 */
export async function openTestEngine(
  dir: string,
  commands: readonly string[],
  policy: WrittenConfig['policy'] = {},
): Promise<Engine> {
  const file = join(dir, 'waxseal.yaml')
  const folders = { [dir]: process.geteuid?.() ?? 0 }
  const config = { state_dir: join(dir, 'state'), policy: { roots: [dir], folders, commands, ...policy } }
  await writeText(file, JSON.stringify(config))
  return openEngine(await loadConfig({ file, env: {} }), systemClock)
}

/** The target configuration of a daemon with all its ports. */
export function targetOf(daemon: Daemon): Record<string, unknown> {
  return {
    cert_path: daemon.certPath,
    key_path: daemon.keyPath,
    validate_command: daemon.check.join(' '),
    reload_command: daemon.reload.join(' '),
    endpoints: daemon.ports.map(({ port, protocol }) => ({ endpoint: `127.0.0.1:${port}`, protocol })),
  }
}

/** Deploys a pair onto a daemon; `changes` differ from its usual target. */
export async function deployPair(
  engine: Engine,
  daemon: Daemon,
  pair: Pick<TestPair, 'certificatePem' | 'chainPem' | 'keyPem'>,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Outcome> {
  return deploy(
    {
      target: daemon.name,
      connector: daemon.name === 'stand-in' ? 'postfix' : daemon.name,
      config: { ...targetOf(daemon), ...changes },
      certificatePem: pair.certificatePem,
      chainPem: pair.chainPem,
      findKey: async () => (pair.keyPem === '' ? null : pair.keyPem),
    },
    engine,
  )
}

/** Bytes, mode and owner of the two files of a daemon. */
export async function filesOf({ certPath, keyPath }: Daemon): Promise<readonly unknown[]> {
  return Promise.all(
    [certPath, keyPath].map(async (path) => {
      const { mode, uid, gid } = await stat(path)
      return { path, bytes: await readFile(path, 'utf8'), mode: mode & 0o7777, uid, gid }
    }),
  )
}

/** Gives the live key a mode and group that are no defaults, so that keeping them can be seen. */
export async function dressKey({ keyPath }: Daemon): Promise<void> {
  await chown(keyPath, 0, 8)
  await chmod(keyPath, 0o640)
}

/** What openssl sees on every port of a daemon. */
export async function leavesOf(daemon: Daemon): Promise<readonly (string | null)[]> {
  return Promise.all(daemon.ports.map(servedLeaf))
}
