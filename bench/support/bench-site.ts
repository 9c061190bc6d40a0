import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openAccess } from '../../src/cli/operator/open-access.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import type { WrittenConfig } from '../../src/config/resolve-config.ts'
import { register } from '../../src/control-plane/register.ts'
import { type MailHost, startMailHost } from '../../src/demo/mail-host/mail-host.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import { openAuthority } from '../../src/server/authority/authority.ts'
import type { Operator } from '../../src/server/client/operator-client.ts'
import { version } from '../../src/version.ts'
import { serveControlPlane } from '../../test/support/run-waxseal.ts'
import { startWatchedAgent, type WatchedAgent } from './watched-agent.ts'

/** A control plane in a process of its own, as it always is, and an enrolled agent in this one. */
export interface BenchPlace {
  readonly operator: Operator
  readonly agentId: string
  readonly agent: WatchedAgent
}

/** With a mail host: the daemons are real processes. */
export interface BenchSite extends MailHost, BenchPlace {}

/** Starts it below a temporary directory. `onStarted` is given what undoes each part, at once. */
export async function startBenchSite(onStarted: (undo: () => Promise<void>) => void): Promise<BenchSite> {
  const dir = await makeTemporaryFolder('waxseal-bench-')
  onStarted(() => removeTree(dir))
  await makeFolder(join(dir, 'old-ca'))
  const oldPair = await (await openAuthority(join(dir, 'old-ca'))).issueServerPair(['mail.example.net'])
  const mailHost = await startMailHost(dir, oldPair, onStarted)
  const commands = mailHost.daemons.flatMap(({ check, reload }) => [check.join(' '), reload.join(' ')])
  return { ...mailHost, ...(await startBenchPlace(dir, commands, onStarted)) }
}

/** Starts one below `dir`, whose agent may write there, run these commands, and knows these instances. */
export async function startBenchPlace(
  dir: string,
  commands: readonly string[],
  onStarted: (undo: () => Promise<void>) => void,
  { policy = {}, instances = {} }: Pick<WrittenConfig, 'policy' | 'instances'> = {},
): Promise<BenchPlace> {
  const controlPlane = await serveControlPlane(dir)
  onStarted(() => controlPlane.close())
  const operator = await openAccess({ dataDir: controlPlane.dataDir })
  onStarted(() => operator.close())
  const { url, caFile } = controlPlane
  const ca = await readFile(caFile, 'utf8')
  const registered = await register({ url, ca, credential: await operator.createToken() }, 'bench', hostFacts(version))
  const file = join(dir, 'waxseal.yaml')
  await writeText(
    file,
    JSON.stringify({ state_dir: join(dir, 'state'), instances, policy: { roots: [dir], commands, ...policy } }),
  )
  const { agentId, credential } = registered
  const config = await loadConfig({ file, env: {} })
  const agent = await startWatchedAgent(config, { url, ca, credential: credential ?? '', agentId })
  onStarted(() => agent.stop())
  return { operator, agentId, agent }
}
