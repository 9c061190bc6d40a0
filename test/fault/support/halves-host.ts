import { createPublicKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { register } from '../../../src/control-plane/register.ts'
import type { AnswerTo } from '../../../src/documents/ask.ts'
import { lineOf, longestDocument, readAnswer } from '../../../src/documents/ask.ts'
import { removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { askLine } from '../../../src/host/socket/line-socket.ts'
import { type PairFiles, startStarttlsServer } from '../../../src/host/socket/starttls-server.ts'
import { type Operator, type OperatorJob, openOperator } from '../../../src/server/client/operator-client.ts'
import { startControlPlane } from '../../../src/server/start-control-plane.ts'
import { builtProgram } from '../../support/built-program.ts'
import type { TestAuthority, TestPair } from '../../support/certificates.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { layLine } from './bad-line.ts'

/** A request that came to the control plane, with what was true of the host at that moment. */
export interface Heard {
  readonly path: string
  readonly body: string
  /** SHA-256 of the leaf on disk; null: certificate and key are not one pair. */
  readonly live: string | null
  readonly reloads: number
}

/** A host whose two halves are processes, and its control plane, which is in this one. */
export interface HalvesHost {
  /** All that the deployer may change is below it. */
  readonly dir: string
  readonly socket: string
  /** The command lines of the halves. */
  readonly deployer: readonly [string, ...string[]]
  readonly courier: readonly [string, ...string[]]
  readonly port: number
  /** The old pair in its place, and no state: nothing was ever deployed here. */
  reset(): Promise<void>
  /** Has a certificate made and deployed; returns its id. */
  request(): Promise<string>
  /** The jobs of a certificate, as the operator sees them. */
  jobs(certificateId: string): Promise<readonly OperatorJob[]>
  /** What came to the control plane since the last reset. */
  heard(): readonly Heard[]
  /** What the deployer has to tell; null: it does not answer. */
  answers(): Promise<AnswerTo['answers'] | null>
  /** Waits until the deployer has been there once. */
  isListening(): Promise<void>
  live(): string | null
  reloads(): number
  /** The control plane's clock goes on by so much. */
  advance(ms: number): void
  /** The names of the files below the host's folder. */
  files(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Opens a host in an empty folder with a short name. */
export async function openHalvesHost(base: string, authority: TestAuthority): Promise<HalvesHost> {
  const at = (...names: readonly string[]): string => join(base, ...names)
  const [dir, live, state] = [at('host'), at('host', 'live'), at('host', 'state')]
  const files = { certPath: join(live, 'cert.pem'), keyPath: join(live, 'key.pem') }
  await mkdir(dir, { recursive: true })
  let ahead = 0
  const controlPlane = await startControlPlane({
    dataDir: at('cp'),
    host: '127.0.0.1',
    port: 0,
    now: () => Date.now() + ahead,
  })
  const operator: Operator = openOperator(controlPlane)
  const names = ['mail.example.net']
  const oldPair: TestPair = await authority.issue({ names })
  const line = await layLine(controlPlane, await authority.issue({ names, ips: ['127.0.0.1'] }))
  const server = await startStarttlsServer('smtp', files)
  const { agentId, credential } = await register(
    { url: line.url, ca: authority.certificatePem, credential: await operator.createToken() },
    'host',
    hostFacts('0.0.0'),
  )
  await writeText(at('reload'), `#!/bin/sh\necho reloaded >> ${at('reloads')}\n`, 0o755)
  const config = {
    cert_path: files.certPath,
    key_path: files.keyPath,
    validate_command: 'true',
    reload_command: at('reload'),
    endpoints: [{ endpoint: `127.0.0.1:${server.port}`, protocol: 'smtp' }],
  }
  const targetId = await operator.addTarget({
    name: 'mail',
    agent_id: agentId,
    type: 'opensmtpd',
    config,
    unchecked: true,
  })
  await writeText(at('credential'), credential ?? '', 0o600)
  await writeText(at('ca.pem'), authority.certificatePem)
  await writeText(
    at('waxseal.yaml'),
    JSON.stringify({
      control_plane: { url: line.url, ca_file: at('ca.pem'), agent_id: agentId, credential_file: at('credential') },
      state_dir: state,
      poll_interval: '300ms',
      poll_wait: 'off',
      heartbeat_interval: '1h',
      status: { listen: 'off' },
      drift_watch: 'off',
      policy: { roots: [live], commands: ['true', at('reload')] },
    }),
  )
  const socket = at('s')
  const of = (half: string, ...args: readonly string[]) =>
    [process.execPath, builtProgram, half, ...args, '--config', at('waxseal.yaml')] as const
  const reloads = (): number => textOf(at('reloads')).split('\n').length - 1
  const heard: Heard[] = []
  const liveLeaf = lastLeaf(files)
  line.spoil((path, body) => {
    heard.push({ path, body, live: liveLeaf(), reloads: reloads() })
    return null
  })
  return {
    dir,
    socket,
    deployer: of('deployer', '--socket', socket),
    courier: of('courier', '--deployer', socket),
    port: server.port,
    reset: async () => {
      for (const name of await readdir(dir)) await removeTree(join(dir, name))
      for (const file of [socket, at('reloads')]) await rm(file, { force: true })
      await mkdir(live)
      await writeText(files.certPath, oldPair.certificatePem)
      await writeText(files.keyPath, oldPair.keyPem, 0o600)
      heard.length = 0
      // A certificate of a time to come is refused by a host.
      ahead = 0
    },
    request: async () => {
      const wanted = { agent_id: agentId, common_name: 'mail.example.net', deploy_to: [targetId] }
      return (await operator.requestCertificate(wanted)).certificate_id
    },
    jobs: async (certificateId) => {
      const jobs = (await operator.jobs()).filter((job) => job.certificate_id === certificateId)
      return Promise.all(jobs.map(({ id }) => operator.job(id)))
    },
    heard: () => heard,
    answers: async () => {
      const ask = lineOf({ ask: 'answers', seen: null, after: null, waitMs: 0 })
      const answered = await askLine(socket, ask, { timeoutMs: 60_000, maxBytes: longestDocument }).catch(() => null)
      if (answered === null) return null
      const answer = readAnswer('answers', answered)
      return 'error' in answer ? null : answer
    },
    isListening: async () => {
      while (!existsSync(socket)) await setTimeout(20)
    },
    live: liveLeaf,
    reloads,
    advance: (ms) => {
      ahead += ms
    },
    files: async () => readdir(dir, { recursive: true }),
    close: async () => {
      await Promise.all([operator.close(), line.close(), server.close()])
      await controlPlane.close()
      await removeWhenQuiet(base)
    },
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** What was read last, for a disk whose power was cut a moment ago. */
function lastLeaf(files: PairFiles): () => string | null {
  let last: string | null = null
  return () => {
    try {
      last = leafOf(files)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EIO') last = null
    }
    return last
  }
}

/** Throws where a file is missing, or is none. */
function leafOf({ certPath, keyPath }: PairFiles): string | null {
  const leaf = new X509Certificate(readFileSync(certPath))
  const key = createPublicKey(readFileSync(keyPath, 'utf8'))
  const isPair = leaf.publicKey
    .export({ type: 'spki', format: 'der' })
    .equals(key.export({ type: 'spki', format: 'der' }))
  return isPair ? leaf.fingerprint256.replaceAll(':', '').toLowerCase() : null
}
