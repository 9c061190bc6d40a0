import { parseArgs } from 'node:util'
import { targetFor } from '../src/demo/target.ts'
import { describeError, WaxsealError } from '../src/error/waxseal-error.ts'
import { bareLimit } from './support/bare-limit.ts'
import { type BenchSite, startBenchSite } from './support/bench-site.ts'
import { figuresOf } from './support/figures.ts'
import { type Timing, timingOf } from './support/lap.ts'
import { type BenchReport, printed } from './support/print.ts'
import { thisProcessor } from './support/processor.ts'

const runs = 20
const warmUps = 3

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupted.abort(new Error('interrupted')))

const undo: (() => Promise<void>)[] = []
try {
  const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
  const site = await startBenchSite((step) => undo.push(step))
  const report = await measure(site)
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : printed(report)}\n`)
} catch (error) {
  complain(error)
} finally {
  for (const step of undo.toReversed()) await step().catch(complain)
}

async function measure(site: BenchSite): Promise<BenchReport> {
  const daemons: BenchReport['daemons'][number][] = []
  for (const daemon of site.daemons) {
    const { timings, bare } = await deployOnto(site, daemon)
    daemons.push({ daemon: daemon.name, probes: daemon.ports.length, ...figuresOf(timings, bare) })
  }
  return {
    v: 1,
    ...thisProcessor(),
    runs,
    warmUps,
    remark: site.remark,
    daemons,
  }
}

/** Two certificates in turn, so that each deployment changes what is served; the bare limit is measured beside each. */
async function deployOnto(
  { operator, agent, agentId }: BenchSite,
  daemon: BenchSite['daemons'][number],
): Promise<{ readonly timings: readonly Timing[]; readonly bare: readonly number[] }> {
  const target = await operator.addTarget({ agent_id: agentId, ...targetFor(daemon) })
  const certificates: string[] = []
  for (let i = 0; i < 2; i += 1) {
    const wanted = { agent_id: agentId, common_name: 'mail.example.net' }
    certificates.push((await operator.requestCertificate(wanted)).certificate_id)
    // A poll that brings the request, and one that brings nothing more.
    for (const results of [0, 0]) await agent.turn(results)
  }
  const timings: Timing[] = []
  const bare: number[] = []
  for (let i = 0; i < warmUps + runs; i += 1) {
    interrupted.signal.throwIfAborted()
    await operator.deploy(certificates[i % 2] ?? '', target)
    // The first one still waits for the deployments of what was signed, which nobody asked for: a warm-up.
    const timing = timingOf(await agent.renewal(2))
    const limit = await bareLimit(daemon)
    if (i < warmUps) continue
    timings.push(timing)
    bare.push(limit)
  }
  return { timings, bare }
}

function complain(error: unknown): void {
  process.exitCode = 1
  const reason = error instanceof WaxsealError ? describeError(error) : String(error)
  process.stderr.write(`bench: ${reason}\n`)
}
