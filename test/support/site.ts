import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { register } from '../../src/control-plane/register.ts'
import type { Daemon } from '../../src/demo/mail-host/daemon.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import { type Operator, type OperatorJob, openOperator } from '../../src/server/client/operator-client.ts'
import { makeAuthority, type TestPair } from './certificates.ts'
import { startMailServer } from './daemons.ts'
import { targetOf } from './deployment.ts'
import { type MisbehavingProxy, startProxy } from './misbehaving-proxy.ts'
import { startWaxseal, type WaxsealProcess } from './process.ts'
import { removeWhenQuiet } from './remove-when-quiet.ts'
import { runWaxseal } from './run-waxseal.ts'

/** A control plane in a process, a proxy before it, a mail server (Postfix where it can be), and an enrolled agent that is not yet started. */
export interface Site {
  readonly dir: string
  readonly operator: Operator
  readonly proxy: MisbehavingProxy
  readonly daemon: Daemon
  readonly oldPair: TestPair
  readonly agentId: string
  /** The target that deploys onto the Postfix. */
  readonly targetId: string
  startAgent(env?: Readonly<Record<string, string>>): WaxsealProcess
  /** Has a certificate made and deployed to these targets; returns its id. */
  request(targets?: readonly string[]): Promise<string>
  readonly dataDir: string
  /** Kills the control plane, and starts it again. */
  revive(): Promise<void>
  /** Puts a backup in the place of the control plane's database, as the documentation says it. */
  restore(file: string): Promise<void>
  close(): Promise<void>
}

/** `changes` differ from the usual configuration of the agent, `policy` from its policy; `ofServer`: that of the control plane. */
export async function startSite(changes: object = {}, policy: object = {}, ofServer: object = {}): Promise<Site> {
  const dir = await makeTemporaryFolder('waxseal-site-')
  const dataDir = join(dir, 'control-plane')
  const serve = async (listen: string): Promise<WaxsealProcess> => {
    const config = join(dir, 'control-plane.yaml')
    await writeText(config, JSON.stringify(ofServer))
    const options = ['--data-dir', dataDir, '--listen', listen, '--config', config]
    const server = startWaxseal(['control-plane', 'serve', ...options])
    await server.waitFor(({ text }) => String(text).startsWith('The control plane listens'))
    return server
  }
  let controlPlane = await serve('127.0.0.1:0')
  const [url = '', caPem = '', operatorToken = ''] = await Promise.all(
    ['url', 'ca.pem', 'operator-token'].map(async (name) => (await readFile(join(dataDir, name), 'utf8')).trim()),
  )
  const operator = openOperator({ url, caPem, operatorToken })
  const proxy = await startProxy({ target: url }, dataDir)
  const oldPair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
  await makeFolder(join(dir, 'postfix'))
  const daemon = await startMailServer(join(dir, 'postfix'), oldPair)
  const registered = await register(
    { url, ca: caPem, credential: await operator.createToken() },
    'site',
    hostFacts('0.0.0'),
  )
  const targetId = await operator.addTarget({
    name: 'postfix',
    agent_id: registered.agentId,
    type: 'Postfix',
    config: targetOf(daemon),
  })
  await writeText(join(dir, 'credential'), registered.credential ?? '', 0o600)
  const config = {
    control_plane: {
      url: proxy.url,
      ca_file: join(dataDir, 'ca.pem'),
      agent_id: registered.agentId,
      credential_file: join(dir, 'credential'),
    },
    state_dir: join(dir, 'state'),
    poll_interval: '200ms',
    heartbeat_interval: '500ms',
    status: { listen: `unix:${join(dir, 'status.sock')}` },
    drift_watch: 'off',
    ...changes,
    policy: {
      roots: [dir],
      commands: [daemon.check.join(' '), daemon.reload.join(' '), 'true', 'false', 'sleep 600'],
      ...policy,
    },
  }
  await writeText(join(dir, 'waxseal.yaml'), JSON.stringify(config))
  const agents: WaxsealProcess[] = []
  return {
    dir,
    operator,
    proxy,
    daemon,
    oldPair,
    agentId: registered.agentId,
    targetId,
    startAgent: (env = {}) => {
      const agent = startWaxseal(['agent', '--config', join(dir, 'waxseal.yaml')], env)
      agents.push(agent)
      return agent
    },
    request: async (targets = [targetId]) => {
      const wanted = { agent_id: registered.agentId, common_name: 'mail.example.net', deploy_to: targets }
      return (await operator.requestCertificate(wanted)).certificate_id
    },
    dataDir,
    revive: async () => {
      controlPlane.kill('SIGKILL')
      await controlPlane.exited
      controlPlane = await serve(new URL(url).host)
    },
    restore: async (file) => {
      controlPlane.kill('SIGTERM')
      await controlPlane.exited
      await removeTree(join(dataDir, 'control-plane.db'))
      const ran = await runWaxseal(['control-plane', 'restore', file, '--data-dir', dataDir])
      if (ran.status !== 0) throw new Error(ran.stderr)
      controlPlane = await serve(new URL(url).host)
    },
    close: async () => {
      for (const agent of agents) agent.killAll()
      controlPlane.kill('SIGTERM')
      await Promise.all([...agents, controlPlane].map(({ exited }) => exited))
      await Promise.all([operator.close(), proxy.close(), daemon.stop()])
      await removeWhenQuiet(dir)
    },
  }
}

/** The deployment jobs of a certificate, with their outcomes. */
export async function deploymentsOf({ operator }: Site, certificateId: string): Promise<readonly OperatorJob[]> {
  const jobs = (await operator.jobs()).filter(
    (job) => job.certificate_id === certificateId && job.type === 'Deployment',
  )
  return Promise.all(jobs.map(({ id }) => operator.job(id)))
}
