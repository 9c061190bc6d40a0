import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeFolder, makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import type { Outcome } from '../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../test/support/certificates.ts'
import { issueAll, type NginxSites, startNginxSites } from '../test/support/nginx-sites.ts'
import { spreadOf } from './support/figures.ts'
import { measureRenewals, type RenewalFigures } from './support/renewals.ts'

/** 50 jobs for 50 names of one nginx together, and some of them one by one, turn by turn in one run. */
interface Round {
  readonly togetherMs: number
  readonly togetherReloads: number
  /** Of one job. */
  readonly aloneMs: number
}

const jobs = 50

/** One by one all fifty take most of a minute, and tell no more than these. */
const alone = 5

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '3' } },
})
const rounds = Number(options.rounds)

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupted.abort(new Error('interrupted')))

const names = Array.from({ length: jobs }, (_, index) => `site-${index}.example.net`)
const authority = await makeAuthority()
const undo: (() => Promise<void>)[] = []
try {
  const dir = await makeTemporaryFolder('waxseal-bench-')
  undo.push(() => removeTree(dir))
  const renewals: RenewalFigures[] = []
  for (const daemon of ['postfix', 'nginx'] as const) {
    const about = {
      dir: join(dir, daemon),
      authority,
      rounds,
      onStarted: (step: () => Promise<void>) => undo.push(step),
    }
    renewals.push(await measureRenewals(daemon, names, about))
  }
  await makeFolder(join(dir, 'sites'))
  const host = await startNginxSites(join(dir, 'sites'), await issueAll(authority, names))
  undo.push(() => host.stop())
  const measured: Round[] = []
  for (let round = 0; round < rounds; round += 1) measured.push(await measure(host))
  print(measured, renewals)
} finally {
  for (const step of undo.toReversed()) await step()
}

async function measure(host: NginxSites): Promise<Round> {
  const [some, others] = [await issueAll(authority, names), await issueAll(authority, names)]
  const together = await timed(host, () => deployAll(host, some))
  const one = await timed(host, async () => {
    for (const pair of [...others].slice(0, alone)) {
      interrupted.signal.throwIfAborted()
      await deployAll(host, new Map([pair]))
    }
  })
  return { togetherMs: together.ms, togetherReloads: together.reloads, aloneMs: one.ms / alone }
}

async function deployAll(host: NginxSites, pairs: ReadonlyMap<string, TestPair>): Promise<void> {
  const outcomes: Outcome[] = []
  const onOutcome = (outcome: Outcome): void => void outcomes.push(outcome)
  await host.deployOrders([...pairs].map(([name, pair]) => host.order(name, pair, {}, onOutcome)))
  const failed = outcomes.find(({ outcome }) => outcome !== 'deployed')
  if (failed !== undefined || outcomes.length !== pairs.size)
    throw new Error(`a deployment failed: ${failed?.message ?? 'no outcome'}`)
}

async function timed(host: NginxSites, work: () => Promise<void>): Promise<{ ms: number; reloads: number }> {
  const before = (await host.counts()).reload
  const started = performance.now()
  await work()
  const ms = performance.now() - started
  return { ms, reloads: (await host.counts()).reload - before }
}

function print(measured: readonly Round[], renewals: readonly RenewalFigures[]): void {
  const together = spreadOf(measured.map(({ togetherMs }) => togetherMs)).medianMs
  const one = spreadOf(measured.map(({ aloneMs }) => aloneMs)).medianMs
  const ratio = spreadOf(measured.map(({ togetherMs, aloneMs }) => togetherMs / aloneMs)).medianMs
  if (options.json) {
    console.log(JSON.stringify({ v: 1, jobs, rounds, measured, together, one, ratio, renewals }, null, 2))
    return
  }
  const [first] = measured
  console.log(
    `${jobs} jobs for ${jobs} names of one nginx, ${rounds} rounds, turn by turn, ${cpus().length} CPUs; medians.\n`,
  )
  console.log(`together    ${together.toFixed(0).padStart(7)} ms   reloads: ${first?.togetherReloads}`)
  console.log(`one alone   ${one.toFixed(0).padStart(7)} ms`)
  console.log(`ratio       ${ratio.toFixed(2).padStart(7)}`)
  console.log(
    `\nThe whole path of ${jobs} renewals, from the last answer to a request to the last proof, by one job.\n`,
  )
  for (const { daemon, all, one, ratio: by, reloads } of renewals)
    console.log(
      `${daemon.padEnd(11)} ${all.medianMs.toFixed(0).padStart(7)} ms   one job, claimed to verified: ${one.medianMs.toFixed(0)} ms   ratio ${by.toFixed(2)}   reloads: ${reloads.join(', ')}`,
    )
}
