import { join } from 'node:path'
import type { Test } from 'tap'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { type FaultHost, openFaultHost } from './fault-host.ts'
import { runTraced } from './traced.ts'

interface Options {
  /** What is done to the host before the deployment. */
  readonly prepare?: (host: FaultHost) => Promise<void>
  /** More options of strace. */
  readonly faults?: readonly string[]
}

/** Of the renames of a deployment, the one that puts the key in its place. */
let nth = 1

/** A host whose deployment was killed when its certificate was the new one, and its key the old one. */
export async function killedBetweenRenames(
  t: Test,
  { prepare = async () => {}, faults = [] }: Options = {},
): Promise<FaultHost> {
  const dir = await makeTemporaryFolder('waxseal-start-')
  await makeFolder(join(dir, 'live'))
  const host = await openFaultHost({ dir, live: join(dir, 'live'), state: join(dir, 'state'), layout: 'files' })
  t.teardown(async () => {
    await host.close()
    await removeWhenQuiet(dir)
  })
  for (; nth < 20; nth += 1) {
    await removeTree(host.state)
    await removeTree(host.live)
    await host.install()
    await prepare(host)
    const atRename = ['--trace=rename,link', ...faults, `--inject=rename:signal=KILL:when=${nth}`]
    await runTraced(['--output=/dev/null', ...atRename], host.deployArgs)
    if ((await host.leafOnDisk().catch(() => null)) === null) return host
  }
  throw new Error('no kill left a certificate with another key')
}
