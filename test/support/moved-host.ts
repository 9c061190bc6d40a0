import { join } from 'node:path'
import type { Test } from 'tap'
import type { Daemon } from '../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../src/demo/mail-host/dovecot-instance.ts'
import { pairPathsIn, startPostfix } from '../../src/demo/mail-host/postfix-instance.ts'
import { makeFolder, makeTemporaryFolder, writeText } from '../../src/host/file/plain-files.ts'
import { makeAuthority, type TestPair } from './certificates.ts'
import { type OriginServer, startOriginServer } from './origin-server.ts'
import { startWaxseal, type WaxsealProcess } from './process.ts'
import { removeWhenQuiet } from './remove-when-quiet.ts'

/** A host with a real Postfix and Dovecot whose agent is moved from the origin's to this one. */
export interface MovedHost {
  readonly dir: string
  readonly origin: OriginServer
  readonly agent: { readonly id: string; readonly key: string }
  readonly daemons: readonly Daemon[]
  readonly oldPair: TestPair
  readonly configFile: string
  /** The variables of the other agent's agent.env. */
  readonly agentEnv: Readonly<Record<string, string>>
  /** A target as its operator made it there; its daemon is told by the host's own file. Its id. */
  addTarget(daemon: Daemon, changes?: object): Promise<string>
  startAgent(env?: Readonly<Record<string, string>>): WaxsealProcess
}

/** Until the end of the test. `settings` differ from the usual configuration, which asks for work once an hour. */
export async function openMovedHost(t: Test, settings: object = {}): Promise<MovedHost> {
  const dir = await makeTemporaryFolder('waxseal-moved-')
  for (const folder of ['postfix', 'dovecot', 'authority', 'targets', 'keys']) await makeFolder(join(dir, folder))
  const origin = await startOriginServer(join(dir, 'authority'))
  const oldPair = await (await makeAuthority()).issue({ names: ['mail.test', 'localhost'] })
  const daemons = [
    await startPostfix(join(dir, 'postfix'), oldPair, pairPathsIn(join(dir, 'postfix'))),
    await startDovecot(join(dir, 'dovecot'), oldPair),
  ]
  const agents: WaxsealProcess[] = []
  t.teardown(async () => {
    for (const agent of agents) agent.killAll()
    await Promise.all([...agents.map(({ exited }) => exited), ...daemons.map((daemon) => daemon.stop())])
    await origin.close()
    await removeWhenQuiet(dir)
  })
  const configFile = join(dir, 'waxseal.yaml')
  const config = {
    state_dir: join(dir, 'state'),
    poll_interval: '1h',
    heartbeat_interval: '500ms',
    status: { listen: `unix:${join(dir, 'status.sock')}` },
    drift_watch: 'off',
    policy: {
      roots: [dir],
      commands: daemons.flatMap(({ check, reload }) => [check.join(' '), reload.join(' ')]),
      dane: 'off',
    },
    ...settings,
  }
  await writeText(configFile, JSON.stringify(config))
  await writeText(join(dir, 'ca.pem'), origin.caPem)
  const agent = origin.addAgent('mail')
  const agentEnv = {
    CERTCTL_SERVER_URL: origin.url,
    CERTCTL_API_KEY: agent.key,
    CERTCTL_AGENT_ID: agent.id,
    CERTCTL_AGENT_NAME: 'mail',
    CERTCTL_KEYGEN_MODE: 'agent',
    CERTCTL_KEY_DIR: join(dir, 'keys'),
    CERTCTL_SERVER_CA_BUNDLE_PATH: join(dir, 'ca.pem'),
  }
  return {
    dir,
    origin,
    agent,
    daemons,
    oldPair,
    configFile,
    agentEnv,
    addTarget: async (daemon, changes = {}) => {
      const target = origin.addTarget({
        type: daemon.name === 'dovecot' ? 'Dovecot' : 'Postfix',
        config: {
          mode: daemon.name,
          cert_path: daemon.certPath,
          key_path: daemon.keyPath,
          key_file_mode: 384,
          cert_file_mode: 420,
          key_file_owner: 'root',
          key_file_group: 'root',
          cert_file_owner: 'root',
          validate_command: daemon.check.join(' '),
          reload_command: daemon.reload.join(' '),
          backup_retention: 3,
          post_deploy_verify: {
            enabled: true,
            timeout: 5_000_000_000,
            endpoint: `127.0.0.1:${daemon.ports.at(-1)?.port}`,
            protocol: daemon.ports.at(-1)?.protocol,
          },
          post_deploy_verify_attempts: 3,
          ...changes,
        },
      })
      const settingsAt = daemon.name === 'dovecot' ? 'dovecot/dovecot.conf' : 'postfix/etc'
      const own = { target_id: target, connector: daemon.name, daemon_config: join(dir, settingsAt) }
      await writeText(join(dir, 'targets', `${daemon.name}.yaml`), JSON.stringify(own))
      return target
    },
    startAgent: (env = agentEnv) => {
      const started = startWaxseal(['agent', '--config', configFile], env)
      agents.push(started)
      return started
    },
  }
}
