import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { removeTree } from '../../../src/host/file/plain-files.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { type KillHost, openKillHost, type Pairs } from './kill-host.ts'
import { findKillPoints, type KillPoint } from './kill-points.ts'
import { entriesOf, judge } from './problems.ts'
import type { Scenario } from './scenario.ts'
import { shareOf } from './share.ts'
import { whyNoStrace } from './strace.ts'

const names = { names: ['mail.example.net'] }

/** One scenario, killed everywhere. */
interface Report {
  readonly scenario: string
  readonly killPoints: number
  /** How many of them leave a host that no other leaves. */
  readonly hosts: number
  /** How often the recovery found or made which pair. */
  readonly old: number
  readonly new: number
  readonly violations: readonly string[]
}

/** Kills in each of these scenarios, a test for each. `name`: of the file that is written of it. */
export async function killEverywhere(scenarios: readonly Scenario[], name: string): Promise<void> {
  t.setTimeout(1_800_000)
  t.jobs = 2
  if (platform() !== 'linux') {
    t.comment(`strace(1) is for Linux, and this is ${platform()}: nothing is killed here`)
    return
  }
  const why = await whyNoStrace()
  if (why !== null) {
    t.fail(why)
    return
  }
  const base = await realpath(await mkdtemp(join(tmpdir(), `waxseal-${name}-`)))
  t.teardown(() => removeTree(base))
  const [one, other] = await Promise.all([1, 2].map(async () => (await makeAuthority()).intermediate()))
  if (one === undefined || other === undefined) throw new Error('two authorities are needed')
  const pairs = { old: await one.issue(names), new: await other.issue(names) }
  const reports: Report[] = []
  const tests = shareOf(scenarios).map((scenario, index) => {
    const what = scenario.interruptedAt === null ? 'a deployment' : 'a recovery'
    const title = `${what} killed at each of its calls ends with one whole pair: ${scenario.name}`
    return t.test(title, { buffered: true }, async (t) => {
      const report = await runScenario(join(base, String(index)), scenario, pairs)
      reports.push(report)
      t.same(report.violations, [])
      t.ok(report.killPoints > 5)
      t.comment(`${scenario.name}: ${summaryOf(report)}`)
    })
  })
  await Promise.all(tests)
  t.comment(
    `${reports.length} of ${scenarios.length} scenarios, ${reports.reduce((sum, { killPoints }) => sum + killPoints, 0)} kill points`,
  )
  t.comment(`${reports.reduce((sum, { violations }) => sum + violations.length, 0)} violations`)
  await mkdir(join(tmpdir(), 'waxseal-fault'), { recursive: true })
  await writeFile(join(tmpdir(), 'waxseal-fault', `${name}.json`), `${JSON.stringify(reports, null, 2)}\n`)
}

function summaryOf(report: Report): string {
  return `${report.killPoints} kill points, ${report.hosts} hosts, ${report.old} old and ${report.new} new pairs, ${report.violations.length} violations`
}

/** Kills at every point of it, in a folder of its own. */
async function runScenario(folder: string, scenario: Scenario, pairs: Pairs): Promise<Report> {
  const host = await openKillHost(folder, scenario, pairs)
  try {
    const before = await start(host)
    const points = await findKillPoints(host, scenario.interruptedAt === null ? 'deploy' : 'recover')
    const ends = new Map<string, Ended>()
    for (const point of points) if (!ends.has(point.saved)) ends.set(point.saved, await heal(host, before, point))
    const found = points.map(({ saved }) => ends.get(saved)?.pair)
    return {
      scenario: scenario.name,
      killPoints: points.length,
      hosts: ends.size,
      old: found.filter((pair) => pair === 'old').length,
      new: found.filter((pair) => pair === 'new').length,
      violations: [...ends.values()].flatMap(({ violations }) => violations),
    }
  } finally {
    await host.close()
  }
}

type Entries = Awaited<ReturnType<typeof entriesOf>>

/** Brings a host to where the scenario starts. Returns its files before any deployment of the new pair. */
async function start(host: KillHost): Promise<Entries> {
  await host.prepare()
  const before = await entriesOf(host.dir)
  const { interruptedAt } = host.scenario
  if (interruptedAt === null) return before
  const points = await findKillPoints(host, 'deploy')
  const last = points[points.findIndex(({ line }) => interruptedAt.test(line)) - 1]
  if (last === undefined)
    throw new Error(`no call is like ${interruptedAt}:\n${points.map(({ line }) => line).join('\n')}`)
  await host.restore(last.saved)
  await host.save('start')
  return before
}

interface Ended {
  readonly pair: 'old' | 'new' | null
  readonly violations: readonly string[]
}

/** What a kill left: recovery and the same deployment again; then, from the kill once more, the deployment alone. */
async function heal(host: KillHost, before: Entries, point: KillPoint): Promise<Ended> {
  const problems: string[] = []
  const note = (when: string, found: readonly string[]): void => {
    problems.push(...found.map((problem) => `killed after ${point.position}, ${point.line}: ${when}: ${problem}`))
  }
  const end = host.scenario.ends === 'deployed' ? 'new' : 'old'
  const deployAgain = async (when: string, target: 'same' | 'proven', wanted: 'old' | 'new'): Promise<void> => {
    const results = await host.results()
    const { outcome, message } = await host.deploy(target)
    const { pair, problems: found } = await judge(host, before)
    const isAsWanted = wanted === 'new' ? /^(deployed|unchanged)$/.test(outcome) : outcome === 'rolled-back'
    note(when, isAsWanted ? found : [`it is ${outcome}: ${message}`, ...found])
    if (pair !== wanted) note(when, [`the ${pair ?? 'broken'} pair is live`])
    if ((await host.results()) !== results + 1) note(when, ['it has not one result'])
  }

  await host.restore(point.saved)
  const recovered = await host.recover()
  const healed = await judge(host, before)
  note('recovered', [...recovered.flatMap(({ error }) => error?.code ?? []), ...healed.problems])
  await deployAgain('deployed again', 'same', end)
  if (end === 'old') await deployAgain('deployed well', 'proven', 'new')
  await host.restore(point.saved)
  await deployAgain('deployed without recovery', 'same', end)
  return { pair: healed.pair, violations: problems }
}
