import { join } from 'node:path'
import { register } from '../src/control-plane/register.ts'
import type { Daemon } from '../src/demo/mail-host/daemon.ts'
import { startMailHost } from '../src/demo/mail-host/mail-host.ts'
import { targetFor } from '../src/demo/target.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../src/host/file/plain-files.ts'
import { hostFacts } from '../src/host/host-facts.ts'
import { openOperator } from '../src/server/client/operator-client.ts'
import { startControlPlane } from '../src/server/start-control-plane.ts'
import { layLine } from '../test/fault/support/bad-line.ts'
import { calls } from '../test/fault/support/calls.ts'
import { makeAuthority } from '../test/support/certificates.ts'
import { startProcess, startWaxseal, type WaxsealProcess } from '../test/support/process.ts'
import { type Spread, spreadOf } from './support/figures.ts'

/** What the split costs: the same deployments by an agent as the package has it, two processes, and by both halves in one. */
const deployments = 10
const warmUps = 2
const turns = ['two processes', 'one process', 'one process', 'two processes'] as const

type Way = (typeof turns)[number]

const names = ['mail.example.net']
const undo: (() => Promise<void>)[] = []
try {
  const dir = await makeTemporaryFolder('waxseal-bench-')
  undo.push(() => removeTree(dir))
  const authority = await makeAuthority()
  const host = await startMailHost(dir, await authority.issue({ names }), (step) => undo.push(step))
  for (const daemon of host.daemons) await measure(daemon, join(dir, `agents-${daemon.name}`), authority)
} finally {
  for (const step of undo.toReversed()) await step()
}

/** By turns on one daemon, so that what grows warm or busy does so for both. */
async function measure(
  daemon: Daemon,
  dir: string,
  authority: Awaited<ReturnType<typeof makeAuthority>>,
): Promise<void> {
  await makeFolder(dir)
  const controlPlane = await startControlPlane({ dataDir: join(dir, 'control-plane'), host: '127.0.0.1', port: 0 })
  undo.push(() => controlPlane.close())
  const operator = openOperator(controlPlane)
  const line = await layLine(controlPlane, await authority.issue({ names, ips: ['127.0.0.1'] }))
  undo.push(() => line.close())
  await writeText(join(dir, 'ca.pem'), authority.certificatePem)
  const endpoint = { url: line.url, ca: authority.certificatePem, credential: await operator.createToken() }
  const { agentId, credential } = await register(endpoint, daemon.name, hostFacts('0.0.0'))
  await writeText(join(dir, 'credential'), credential ?? '', 0o600)
  const file = join(dir, 'waxseal.yaml')
  await writeText(
    file,
    JSON.stringify({
      control_plane: {
        url: line.url,
        ca_file: join(dir, 'ca.pem'),
        agent_id: agentId,
        credential_file: join(dir, 'credential'),
      },
      state_dir: join(dir, 'state'),
      poll_interval: '1s',
      poll_wait: 'off',
      heartbeat_interval: '1h',
      status: { listen: 'off' },
      drift_watch: 'off',
      policy: {
        roots: [join(daemon.certPath, '..', '..')],
        commands: [daemon.check.join(' '), daemon.reload.join(' ')],
        dane: 'off',
      },
    }),
  )
  const target = await operator.addTarget({ agent_id: agentId, ...targetFor(daemon) })
  let claimed = 0
  let ended = Promise.withResolvers<number>()
  line.spoil((path, body) => {
    const request = { path, body }
    if (calls.certificates.matches(request)) claimed = performance.now()
    if (calls['status final'].matches(request) && claimed > 0) ended.resolve(performance.now() - claimed)
    if (body.includes('"status":"Failed"')) ended.reject(new Error(body))
    return null
  })
  const once = async (begin: () => Promise<unknown>): Promise<number> => {
    claimed = 0
    ended = Promise.withResolvers()
    await begin()
    return ended.promise
  }
  const taken: Record<Way, number[]> = { 'two processes': [], 'one process': [] }
  const certificates: string[] = []
  for (const way of turns) {
    const agent = await start(way, file)
    while (certificates.length < 2)
      await once(async () => {
        const wanted = { agent_id: agentId, common_name: 'mail.example.net', deploy_to: [target] }
        certificates.push((await operator.requestCertificate(wanted)).certificate_id)
      })
    for (let i = 0; i < warmUps + deployments; i += 1) {
      const ms = await once(() => operator.deploy(certificates[i % 2] ?? '', target))
      if (i >= warmUps) taken[way].push(ms)
    }
    agent.kill('SIGTERM')
    await agent.exited
  }
  print(daemon.name, spreadOf(taken['two processes']), spreadOf(taken['one process']))
}

async function start(way: Way, file: string): Promise<WaxsealProcess> {
  const oneProcess = new URL('support/one-process.ts', import.meta.url).pathname
  const agent =
    way === 'two processes'
      ? startWaxseal(['agent', '--config', file])
      : startProcess([process.execPath, oneProcess, file])
  await agent.waitFor(({ msg }) => msg === 'agent starts')
  return agent
}

function print(daemon: string, two: Spread, one: Spread): void {
  const ratio = (two.medianMs / one.medianMs).toFixed(3)
  const figures = `two processes ${two.medianMs} ms (p95 ${two.p95Ms}), one process ${one.medianMs} ms (p95 ${one.p95Ms})`
  process.stdout.write(
    `${daemon}: from the certificate to the report, median of ${2 * deployments}: ${figures}: ${ratio}\n`,
  )
}
