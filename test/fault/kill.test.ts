import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { removeTree } from '../../src/host/file/plain-files.ts'
import { allEnded } from '../support/all-ended.ts'
import { makeAuthority } from '../support/certificates.ts'
import { type KillHost, openKillHost, type Pairs } from './support/kill-host.ts'
import { findKillPoints, type KillPoint, killAt, thinOut } from './support/kill-points.ts'
import { entriesOf, judge } from './support/problems.ts'
import { type Scenario, scenarios } from './support/scenario.ts'
import { whyNoStrace } from './support/strace.ts'

const hostsAtOnce = 4
/** Points of one scenario that may be missed: what is begun side by side has no order. */
const mostMissed = 3
/** `npm run soak:kill`: every call, which takes longer than a change may wait. */
const isSoak = process.env['WAXSEAL_SOAK'] === '1'
const names = { names: ['mail.example.net'] }

/** One scenario, killed everywhere. */
interface Report {
  readonly scenario: string
  readonly killPoints: number
  /** How often the recovery found or made which pair. */
  readonly old: number
  readonly new: number
  readonly violations: readonly string[]
  /** The points at which it could not be killed. */
  readonly missed: readonly string[]
}

t.setTimeout(1_800_000)

if (platform() === 'linux') await killEverywhere()
else t.comment(`strace(1) is for Linux, and this is ${platform()}: nothing is killed here`)

async function killEverywhere(): Promise<void> {
  const why = await whyNoStrace()
  if (why !== null) {
    t.fail(why)
    return
  }
  const base = await realpath(await mkdtemp(join(tmpdir(), 'waxseal-kill-')))
  t.teardown(() => removeTree(base))
  const [one, other] = await Promise.all([1, 2].map(async () => (await makeAuthority()).intermediate()))
  if (one === undefined || other === undefined) throw new Error('two authorities are needed')
  const pairs = { old: await one.issue(names), new: await other.issue(names) }
  const reports: Report[] = []
  for (const scenario of scenarios) {
    const what = scenario.interruptedAt === null ? 'a deployment' : 'a recovery'
    const where = scenario.isThorough
      ? 'each of its calls'
      : `${isSoak ? 'each' : 'every second'} call outside the write of a record`
    await t.test(`${what} killed at ${where} ends with one whole pair: ${scenario.name}`, async (t) => {
      const report = await runScenario(base, scenario, pairs)
      reports.push(report)
      t.same(report.violations, [])
      t.ok(report.killPoints > 5)
      t.ok(report.missed.length <= mostMissed, report.missed.join('\n'))
      t.comment(`${scenario.name}: ${summaryOf(report)}`)
    })
  }
  t.comment(
    `${reports.length} of ${scenarios.length} scenarios, ${reports.reduce((sum, { killPoints }) => sum + killPoints, 0)} kill points`,
  )
  t.comment(`${reports.reduce((sum, { violations }) => sum + violations.length, 0)} violations`)
  await mkdir(join(tmpdir(), 'waxseal-fault'), { recursive: true })
  await writeFile(join(tmpdir(), 'waxseal-fault', 'kill.json'), `${JSON.stringify(reports, null, 2)}\n`)
}

function summaryOf(report: Report): string {
  return `${report.killPoints} kill points, ${report.old} old and ${report.new} new pairs, ${report.violations.length} violations`
}

/** Every second of the points, and all of them by `npm run soak:kill`. */
function sample(points: readonly KillPoint[]): readonly KillPoint[] {
  return isSoak ? points : points.filter((_, index) => index % 2 === 0)
}

/** Kills at every point, on several hosts at once. */
async function runScenario(base: string, scenario: Scenario, pairs: Pairs): Promise<Report> {
  const hosts = await allEnded(
    Array.from({ length: hostsAtOnce }, (_, slot) => openKillHost(join(base, `slot-${slot}`), scenario, pairs)),
  )
  try {
    const befores = await allEnded(hosts.map(start))
    const [first] = hosts
    const all = first === undefined ? [] : await findKillPoints(first, commandOf(scenario))
    const points = scenario.isThorough ? all : sample(thinOut(all))
    const queue = [...points]
    const ended: Ended[] = []
    const missed: string[] = []
    const work = async (host: KillHost, slot: number): Promise<void> => {
      for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
        const end = await killAndHeal(host, befores[slot] ?? [], point)
        if (end === null) missed.push(`${point.position}: ${point.line}`)
        else ended.push(end)
      }
    }
    const stopAll = (error: unknown): never => {
      queue.length = 0
      throw error
    }
    await allEnded(hosts.map((host, slot) => work(host, slot).catch(stopAll)))
    return {
      scenario: scenario.name,
      killPoints: ended.length,
      missed,
      old: ended.filter(({ pair }) => pair === 'old').length,
      new: ended.filter(({ pair }) => pair === 'new').length,
      violations: ended.flatMap(({ violations }) => violations),
    }
  } finally {
    await Promise.all(hosts.map((host) => host.close()))
  }
}

function commandOf({ interruptedAt }: Scenario): 'deploy' | 'recover' {
  return interruptedAt === null ? 'deploy' : 'recover'
}

type Entries = Awaited<ReturnType<typeof entriesOf>>

/** Brings a host to where the scenario starts. Returns its files before any deployment of the new pair. */
async function start(host: KillHost): Promise<Entries> {
  await host.prepare()
  const before = await entriesOf(host.dir)
  const { interruptedAt } = host.scenario
  if (interruptedAt === null) return before
  const points = await findKillPoints(host, 'deploy')
  const point = points.find(({ line }) => interruptedAt.test(line))
  if (point === undefined)
    throw new Error(`no call is like ${interruptedAt}:\n${points.map(({ line }) => line).join('\n')}`)
  await killAt(host, 'deploy', point)
  await host.save('start')
  return before
}

interface Ended {
  readonly pair: 'old' | 'new' | null
  readonly violations: readonly string[]
}

/** One kill; then recovery and the same deployment again; then, from the kill once more, the deployment alone. Null: not killed there. */
async function killAndHeal(host: KillHost, before: Entries, point: KillPoint): Promise<Ended | null> {
  const problems: string[] = []
  const note = (when: string, found: readonly string[]): void => {
    problems.push(...found.map((problem) => `killed at ${point.position}, ${point.line}: ${when}: ${problem}`))
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

  if (!(await killAt(host, commandOf(host.scenario), point))) return null
  await host.save('killed')
  const recovered = await host.recover()
  const healed = await judge(host, before)
  note('recovered', [...recovered.flatMap(({ error }) => error?.code ?? []), ...healed.problems])
  await deployAgain('deployed again', 'same', end)
  if (end === 'old') await deployAgain('deployed well', 'proven', 'new')
  if (!point.isNews) return { pair: healed.pair, violations: problems }
  await host.restore('killed')
  await deployAgain('deployed without recovery', 'same', end)
  return { pair: healed.pair, violations: problems }
}
