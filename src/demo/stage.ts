import { join } from 'node:path'
import { register } from '../control-plane/register.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../host/file/plain-files.ts'
import { hostFacts } from '../host/host-facts.ts'
import { spawnAgent } from '../host/process/agent-process.ts'
import { openAuthority } from '../server/authority/authority.ts'
import { type Operator, openOperator } from '../server/client/operator-client.ts'
import { type RunningControlPlane, startControlPlane } from '../server/start-control-plane.ts'
import { version } from '../version.ts'
import type { Daemon } from './mail-host/daemon.ts'
import { type MailHost, startMailHost } from './mail-host/mail-host.ts'

/** What the demo has running, all below one temporary directory. */
export interface Stage {
  /** Starts the control plane and the mail host. */
  set(): Promise<MailHost & { readonly url: string }>
  /** Registers and starts the agent; returns its id. */
  enroll(): Promise<string>
  readonly operator: Operator
  readonly daemons: readonly Daemon[]
  readonly agentId: string
  /** Takes everything down in the opposite order. Returns what went wrong with that. */
  clear(): Promise<readonly string[]>
}

/** Makes the temporary directory. */
export async function openStage(program: string): Promise<Stage> {
  const dir = await makeTemporaryFolder('waxseal-demo-')
  return new TemporaryStage(dir, program)
}

class TemporaryStage implements Stage {
  readonly #dir: string
  readonly #program: string
  readonly #undo: (() => Promise<void>)[]
  #controlPlane: RunningControlPlane | null = null
  #operator: Operator | null = null
  daemons: readonly Daemon[] = []
  agentId = ''

  constructor(dir: string, program: string) {
    this.#dir = dir
    this.#program = program
    this.#undo = [() => removeTree(dir)]
  }

  get operator(): Operator {
    return this.#operator ?? notSet()
  }

  async set(): Promise<MailHost & { readonly url: string }> {
    const controlPlane = await startControlPlane({
      dataDir: join(this.#dir, 'control-plane'),
      host: '127.0.0.1',
      port: 0,
    })
    this.#undo.push(() => controlPlane.close())
    const operator = openOperator(controlPlane)
    this.#undo.push(() => operator.close())
    this.#controlPlane = controlPlane
    this.#operator = operator
    await makeFolder(join(this.#dir, 'old-ca'))
    const oldPair = await (await openAuthority(join(this.#dir, 'old-ca'))).issueServerPair(['mail.example.net'])
    const mailHost = await startMailHost(this.#dir, oldPair, (undo) => this.#undo.push(undo))
    this.daemons = mailHost.daemons
    return { ...mailHost, url: controlPlane.url }
  }

  async enroll(): Promise<string> {
    const { url, caPem } = this.#controlPlane ?? notSet()
    const token = await this.operator.createToken()
    const registered = await register({ url, ca: caPem, credential: token }, 'demo', hostFacts(version))
    this.agentId = registered.agentId
    await writeText(join(this.#dir, 'credential'), registered.credential ?? '', 0o600)
    const configFile = join(this.#dir, 'waxseal.yaml')
    await writeText(configFile, JSON.stringify(this.#config(url)))
    const agent = spawnAgent(this.#program, configFile, join(this.#dir, 'agent.log'))
    this.#undo.push(() => agent.stop())
    return registered.agentId
  }

  #config(url: string): object {
    return {
      control_plane: {
        url,
        ca_file: join(this.#dir, 'control-plane/ca.pem'),
        agent_id: this.agentId,
        credential_file: join(this.#dir, 'credential'),
      },
      state_dir: join(this.#dir, 'state'),
      poll_interval: '1s',
      status: { listen: 'off' },
      policy: {
        roots: [this.#dir],
        commands: ['true', ...this.daemons.flatMap(({ check, reload }) => [check.join(' '), reload.join(' ')])],
      },
    }
  }

  async clear(): Promise<readonly string[]> {
    const failures: string[] = []
    for (const undo of this.#undo.toReversed()) await undo().catch((error: Error) => failures.push(error.message))
    return failures
  }
}

function notSet(): never {
  throw new WaxsealError('INTERNAL', { reason: 'the stage is not set' })
}
