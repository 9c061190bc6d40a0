import { join } from 'node:path'
import { loadConfig } from '../../src/config/load-config.ts'
import { register } from '../../src/control-plane/open-control-plane.ts'
import { type MailHost, startMailHost } from '../../src/demo/mail-host/mail-host.ts'
import { openAuthority } from '../../src/embedded/authority.ts'
import { type Operator, openOperator } from '../../src/embedded/operator-client.ts'
import { startControlPlane } from '../../src/embedded/start-control-plane.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/plain-files.ts'
import { version } from '../../src/version.ts'
import { startWatchedAgent, type WatchedAgent } from './watched-agent.ts'

/** A control plane, a mail host and an enrolled agent: the daemons are real processes, the rest is in this one. */
export interface BenchSite extends MailHost {
  readonly operator: Operator
  readonly agentId: string
  readonly agent: WatchedAgent
}

/** Starts it below a temporary directory. `onStarted` is given what undoes each part, at once. */
export async function startBenchSite(onStarted: (undo: () => Promise<void>) => void): Promise<BenchSite> {
  const dir = await makeTemporaryFolder('waxseal-bench-')
  onStarted(() => removeTree(dir))
  const controlPlane = await startControlPlane({ dataDir: join(dir, 'control-plane'), host: '127.0.0.1', port: 0 })
  onStarted(() => controlPlane.close())
  const operator = openOperator(controlPlane)
  onStarted(() => operator.close())
  await makeFolder(join(dir, 'old-ca'))
  const oldPair = await (await openAuthority(join(dir, 'old-ca'))).issueServerPair(['mail.example.net'])
  const mailHost = await startMailHost(dir, oldPair, onStarted)
  const { url, caPem: ca } = controlPlane
  const registered = await register({ url, ca, credential: await operator.createToken() }, 'bench', hostFacts(version))
  const file = join(dir, 'waxseal.yaml')
  const commands = mailHost.daemons.flatMap(({ check, reload }) => [check.join(' '), reload.join(' ')])
  await writeText(file, JSON.stringify({ state_dir: join(dir, 'state'), policy: { roots: [dir], commands } }))
  const { agentId, credential } = registered
  const config = await loadConfig({ file, env: {} })
  const agent = await startWatchedAgent(config, { url, ca, credential: credential ?? '', agentId })
  onStarted(() => agent.stop())
  return { ...mailHost, operator, agentId, agent }
}
