import { join } from 'node:path'
import { register } from '../control-plane/open-control-plane.ts'
import { openAuthority } from '../embedded/authority.ts'
import { type Operator, type OperatorJob, openOperator } from '../embedded/operator-client.ts'
import { type RunningControlPlane, startControlPlane } from '../embedded/start-control-plane.ts'
import { asWaxsealError, describeError, WaxsealError } from '../error/waxseal-error.ts'
import { type ChildProcess, spawnAgent } from '../host/agent-process.ts'
import { systemClock } from '../host/clock.ts'
import { hostFacts } from '../host/host-facts.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../host/plain-files.ts'
import { probeOnce } from '../verify/probe-once.ts'
import { version } from '../version.ts'
import type { Daemon } from './mail-host/daemon.ts'
import { startMailHost } from './mail-host/mail-host.ts'

const name = 'mail.example.net'

/** Runs the main job on this machine and tells it step by step. True: all of it happened. Leaves nothing behind. */
export async function runDemo(signal: AbortSignal): Promise<boolean> {
  const started = systemClock.now()
  const stage = new DemoStage()
  try {
    await Promise.race([stage.play(), aborted(signal)])
    say(`\nAll of it happened, in ${((systemClock.now() - started) / 1000).toFixed(1)} s.`)
    return true
  } catch (error) {
    say(`\nThe demo ended early: ${describeError(asWaxsealError(error))}`)
    return false
  } finally {
    await stage.clear()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new WaxsealError('INTERNAL', { reason: 'it was interrupted' })))
  })
}

/** What the demo has running, taken down in the opposite order. */
class DemoStage {
  readonly #undo: (() => Promise<void>)[] = []

  async play(): Promise<void> {
    const dir = await makeTemporaryFolder('waxseal-demo-')
    this.#undo.push(() => removeTree(dir))
    say('1. A control plane, and a mail host with a certificate that is about to be replaced')
    const controlPlane = await startControlPlane({ dataDir: join(dir, 'control-plane'), host: '127.0.0.1', port: 0 })
    const operator = openOperator(controlPlane)
    this.#undo.push(() => controlPlane.close())
    this.#undo.push(() => operator.close())
    say(`   the control plane listens at ${controlPlane.url}`)
    await makeFolder(join(dir, 'old-ca'))
    const oldPair = await (await openAuthority(join(dir, 'old-ca'))).issueServerPair([name])
    const { daemons, remark } = await startMailHost(dir, oldPair, (undo) => this.#undo.push(undo))
    if (remark !== null) say(`   ${remark}`)
    for (const daemon of daemons)
      say(`   ${daemon.name}: ${daemon.ports.map((port) => `${port.name} ${port.port}`).join(', ')}`)

    say('\n2. An agent, enrolled with a one-time token')
    const agentId = await this.#startAgent(dir, controlPlane, operator, daemons)
    say(`   ${agentId} polls every second`)

    say('\n3. A certificate is requested; the agent makes the key, the certificate is signed, deployed and verified')
    const targets = await addTargets(operator, agentId, daemons)
    const { certificate_id } = await operator.requestCertificate({
      agent_id: agentId,
      common_name: name,
      deploy_to: targets,
    })
    for (const job of await finishedJobs(operator, certificate_id, targets.length)) tell(job, 'deployed')
    const served = await leavesOf(daemons)
    const [leaf] = served
    if (leaf === undefined || served.some((one) => one !== leaf))
      throw new WaxsealError('INTERNAL', { reason: 'not every port serves the new leaf' })
    say(`   every port serves ${leaf}`)

    say('\n4. The same again: nothing is touched')
    for (const target of targets)
      tell(await finishedJob(operator, await operator.deploy(certificate_id, target)), 'unchanged')

    say('\n5. A deployment that the daemon never serves is undone')
    const broken = await addBrokenTarget(operator, agentId, daemons[0] ?? missing())
    const second = await operator.requestCertificate({ agent_id: agentId, common_name: name, deploy_to: [broken] })
    for (const job of await finishedJobs(operator, second.certificate_id, 1)) tell(job, 'rolled-back')
    if ((await leavesOf(daemons)).some((one) => one !== leaf))
      throw new WaxsealError('INTERNAL', { reason: 'the old leaf is not served again' })
    say(`   every port serves ${leaf}, as before`)
  }

  async #startAgent(
    dir: string,
    controlPlane: RunningControlPlane,
    operator: Operator,
    daemons: readonly Daemon[],
  ): Promise<string> {
    const facts = hostFacts(version)
    const token = await operator.createToken()
    const { agentId, credential } = await register(
      { url: controlPlane.url, ca: controlPlane.caPem, credential: token },
      'demo',
      facts,
    )
    await writeText(join(dir, 'credential'), credential ?? '', 0o600)
    const configFile = join(dir, 'waxseal.yaml')
    const config = {
      control_plane: {
        url: controlPlane.url,
        ca_file: join(dir, 'control-plane/ca.pem'),
        agent_id: agentId,
        credential_file: join(dir, 'credential'),
      },
      state_dir: join(dir, 'state'),
      poll_interval: '1s',
      status: { listen: 'off' },
      policy: {
        roots: [dir],
        commands: daemons.flatMap((daemon) => [daemon.check.join(' '), daemon.reload.join(' '), 'true']),
      },
    }
    await writeText(configFile, JSON.stringify(config))
    const agent: ChildProcess = spawnAgent(configFile, join(dir, 'agent.log'))
    this.#undo.push(() => agent.stop())
    return agentId
  }

  async clear(): Promise<void> {
    for (const undo of this.#undo.toReversed())
      await undo().catch((error: Error) => say(`   clean-up: ${error.message}`))
  }
}

function missing(): never {
  throw new WaxsealError('INTERNAL', { reason: 'the mail host has no daemon' })
}

async function addTargets(operator: Operator, agentId: string, daemons: readonly Daemon[]): Promise<readonly string[]> {
  return Promise.all(
    daemons.map((daemon) =>
      operator.addTarget({ name: daemon.name, agent_id: agentId, type: typeOf(daemon), config: configOf(daemon) }),
    ),
  )
}

/** Its reload command does nothing, so a warm daemon goes on with the old certificate, as when a hook fails silently. */
async function addBrokenTarget(operator: Operator, agentId: string, daemon: Daemon): Promise<string> {
  const broken = {
    ...configOf(daemon),
    reload_command: 'true',
    endpoints: ['127.0.0.1:1'],
    post_deploy_verify_attempts: 2,
    post_deploy_verify_backoff: '100ms',
  }
  return operator.addTarget({ name: 'broken', agent_id: agentId, type: typeOf(daemon), config: broken })
}

function typeOf({ name: daemon }: Daemon): string {
  return daemon === 'dovecot' ? 'Dovecot' : 'Postfix'
}

function configOf(daemon: Daemon): object {
  return {
    cert_path: daemon.certPath,
    key_path: daemon.keyPath,
    validate_command: daemon.check.join(' '),
    reload_command: daemon.reload.join(' '),
    endpoints: daemon.ports.map(({ port, protocol }) => ({ endpoint: `127.0.0.1:${port}`, protocol })),
  }
}

async function finishedJobs(operator: Operator, certificateId: string, count: number): Promise<readonly OperatorJob[]> {
  for (;;) {
    const jobs = (await operator.jobs()).filter(
      (job) => job.certificate_id === certificateId && job.type === 'Deployment',
    )
    const finished = jobs.filter(isFinal)
    if (finished.length >= count) return Promise.all(finished.map((job) => operator.job(job.id)))
    await systemClock.sleep(100)
  }
}

async function finishedJob(operator: Operator, id: string): Promise<OperatorJob> {
  for (;;) {
    const job = await operator.job(id)
    if (isFinal(job)) return job
    await systemClock.sleep(100)
  }
}

function isFinal({ status }: OperatorJob): boolean {
  return status === 'Completed' || status === 'Failed'
}

function tell(job: OperatorJob, expected: string): void {
  const outcome = job.outcome
  say(`   ${job.id} ${job.status}: ${outcome?.outcome ?? 'no outcome'}. ${outcome?.message ?? job.error ?? ''}`)
  if (outcome?.outcome !== expected)
    throw new WaxsealError('INTERNAL', { job: job.id, expected, outcome: outcome?.outcome ?? 'none' })
}

async function leavesOf(daemons: readonly Daemon[]): Promise<readonly (string | null)[]> {
  const ports = daemons.flatMap((daemon) => daemon.ports)
  const looks = await Promise.all(
    ports.map(({ port, protocol }) =>
      probeOnce({ host: '127.0.0.1', port, protocol, servername: null, keyType: null, timeoutMs: 5000 }),
    ),
  )
  return looks.map((look) => look.leaf?.sha256 ?? null)
}
