import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Test } from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { register } from '../../../src/control-plane/register.ts'
import { openProgress } from '../../../src/courier/progress.ts'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { startStandIn } from '../../../src/demo/mail-host/stand-in.ts'
import { makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { openHistory } from '../../../src/journal/history.ts'
import { type Operator, openOperator } from '../../../src/server/client/operator-client.ts'
import { startControlPlane } from '../../../src/server/start-control-plane.ts'
import { startBothHalves } from '../../support/both-halves.ts'
import { makeAuthority, type TestAuthority } from '../../support/certificates.ts'
import { targetOf } from '../../support/deployment.ts'
import type { LogLine } from '../../support/process.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { type BadLine, layLine } from './bad-line.ts'
import { type FakedTime, fakedTime } from './faked-time.ts'

/** A control plane, a bad line to it, a mail server, and an enrolled agent, all in this process and in faked time. */
export interface FakedSite {
  readonly time: FakedTime
  readonly operator: Operator
  readonly line: BadLine
  readonly daemon: Daemon
  readonly agentId: string
  readonly targetId: string
  /** Signs what the line presents. */
  readonly authority: TestAuthority
  readonly lines: readonly LogLine[]
  startAgent(): Promise<RunningAgent>
  /** Has a certificate made and deployed; returns its id. */
  request(): Promise<string>
  /** The outcomes in the history, oldest first. */
  outcomes(): Promise<readonly string[]>
  /** How often the mail server was reloaded. */
  reloads(): Promise<number>
}

/** An agent that runs. */
export interface RunningAgent {
  /** Whether nothing waits to be done or sent. */
  isIdle(): Promise<boolean>
  deadLetters(): Promise<number>
  stop(): Promise<void>
}

const names = ['mail.example.net']
/** Polls, heartbeats, reports, and the look at what this host would renew by itself. */
const loops = 4

/** Starts it; it ends with the test. `timeoutMs` is the time limit of a request, in real time. */
export async function startFakedSite(t: Test, timeoutMs = 20_000): Promise<FakedSite> {
  const dir = await makeTemporaryFolder('waxseal-faked-')
  const time = fakedTime()
  const controlPlane = await startControlPlane({ dataDir: join(dir, 'cp'), host: '127.0.0.1', port: 0, now: time.now })
  const operator = openOperator(controlPlane)
  const authority = await makeAuthority()
  const line = await layLine(controlPlane, await authority.issue({ names, ips: ['127.0.0.1'] }))
  await makeFolder(join(dir, 'mail'))
  const daemon = await startStandIn(join(dir, 'mail'), await authority.issue({ names }))
  const { agentId, credential } = await register(
    { url: line.url, ca: authority.certificatePem, credential: await operator.createToken() },
    'faked',
    hostFacts('0.0.0'),
  )
  const reload = join(dir, 'reload')
  await writeText(reload, `#!/bin/sh\necho reloaded >> ${dir}/reloads\n`, 0o755)
  const target = { ...targetOf(daemon), reload_command: reload }
  const targetId = await operator.addTarget({ name: 'mail', agent_id: agentId, type: 'Postfix', config: target })
  const file = join(dir, 'waxseal.yaml')
  const policy = { roots: [dir], commands: [reload, 'true'] }
  await writeText(file, JSON.stringify({ state_dir: join(dir, 'state'), policy }))
  const config = await loadConfig({ file, env: {} })
  const lines: LogLine[] = []
  const agents: RunningAgent[] = []
  t.teardown(async () => {
    for (const agent of agents) await agent.stop()
    await Promise.all([operator.close(), line.close(), daemon.stop()])
    await controlPlane.close()
    await removeWhenQuiet(dir)
  })
  const startAgent = async (): Promise<RunningAgent> => {
    const client = openControlPlane({
      url: line.url,
      ca: authority.certificatePem,
      agentId,
      credential: credential ?? '',
      timeoutMs,
    })
    // The search for certificates sleeps, too, until it has found that there are no folders.
    time.expect(loops + 1)
    const progress = openProgress()
    const end = (name: string): void => {
      progress.end(name)
      if (name === 'discovery') time.expect(loops)
    }
    const halves = await startBothHalves({
      progress: { ...progress, end },
      config,
      controlPlane: client,
      clock: time,
      log: pino({ base: null }, { write: (text: string) => lines.push(JSON.parse(text) as LogLine) }),
      pollIntervalMs: 30_000,
      heartbeatIntervalMs: 60_000,
    })
    let isStopped = false
    const agent = {
      isIdle: async () => {
        const { pending, reports } = await halves.deployer.ask({ ask: 'answers', seen: null, after: null, waitMs: 0 })
        return pending === 0 && reports.every(({ refusal }) => refusal !== null)
      },
      deadLetters: async () => (await readdir(join(config.stateDir, 'dead'))).length,
      stop: async () => {
        if (isStopped) return
        isStopped = true
        await halves.stop()
        await client.close()
        time.expect(0)
      },
    }
    agents.push(agent)
    return agent
  }
  return {
    time,
    operator,
    line,
    daemon,
    agentId,
    targetId,
    authority,
    lines,
    startAgent,
    request: async () => {
      const wanted = { agent_id: agentId, common_name: 'mail.example.net', deploy_to: [targetId] }
      return (await operator.requestCertificate(wanted)).certificate_id
    },
    outcomes: async () =>
      (await openHistory(join(config.stateDir, 'history.jsonl')).read()).map(({ outcome }) => outcome),
    reloads: async () => (await readFile(`${dir}/reloads`, 'utf8').catch(() => '')).split('\n').length - 1,
  }
}
