import type { Config } from '../config/config.ts'
import { isUnwired, type Listener } from '../connector/wiring/wiring.ts'
import type { ControlPlane, HostFacts } from '../control-plane/open-control-plane.ts'
import { unknownAgent } from '../control-plane/unknown-agent.ts'
import type { Engine } from '../deployer/engine.ts'
import { readTargetNames } from '../deployer/find-target.ts'
import { inspect } from '../deployer/inspect.ts'
import type { ShownHost } from '../documents/shown-host.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import { freeSpace } from '../host/file/free-space.ts'
import { openReserve } from '../host/file/reserve.ts'
import type { HistoryLine } from '../journal/history.ts'
import type { TargetNames } from '../journal/target-names.ts'
import { refusedKind } from '../outbox/refused-kind.ts'
import { lifetimeOf, renewalAdvice } from '../outcome/lifetime.ts'
import { examineConnectors } from './examine-connectors.ts'
import { examineFolders } from './examine-folders.ts'
import { examineKeys, examinePolicy, examineUnit } from './examine-host.ts'
import { examineInstances } from './examine-instances.ts'
import { examineJournal } from './examine-journal.ts'
import { examineOwnTargets } from './examine-own-targets.ts'
import { examineWiring, findWiring } from './examine-wiring.ts'
import type { Finding } from './finding.ts'

/** The wiring of one daemon. */
export interface FoundWiring {
  /** `nginx`; `nginx, instance web`. */
  readonly connector: string
  readonly listeners: readonly Listener[]
}

export interface Examination {
  readonly findings: readonly Finding[]
  readonly wiring: readonly FoundWiring[]
}

export interface ExamineOptions {
  readonly config: Config
  readonly engine: Engine
  /** Null: no control plane is configured. */
  readonly controlPlane: Pick<ControlPlane, 'heartbeat' | 'clockAheadMs'> | null
  readonly facts: HostFacts
  /** What the deployer shows; null: nothing yet. */
  readonly shown: ShownHost | null
}

/** Looks at everything that a deployment depends on. Changes nothing. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const wiring = await findWiring(options.engine)
  const names = await readTargetNames(options.engine)
  const records = (await options.engine.records.list()).map(({ document }) => document)
  return {
    findings: [
      { what: 'configuration', verdict: 'ok', detail: `state in ${options.config.stateDir}` },
      await examineState(options),
      await examineJournal(options.engine, names),
      ...(await examineConnectors(options.engine)),
      await examinePolicy(options.config, records),
      await examineFolders(options.config, records, wiring),
      await examineKeys(options.config, records),
      await examineControlPlane(options),
      examineClock(options),
      ...examineReports(options),
      await examineUnit(records),
      ...(await Promise.all(wiring.map((asked) => examineWiring(asked, options.engine.hostView)))),
      ...(await examineInstances(options.engine)),
      ...examineOwnTargets(options.engine),
      {
        what: 'renewal',
        verdict: 'ok',
        detail:
          'Waxseal does not renew by itself: the control plane has to (the bundled one when asked: waxseal control-plane request), or the ACME client whose hook calls waxseal deploy',
      },
      ...(await examineTargets(options.engine, names)),
    ],
    wiring: wiring.flatMap(({ connector, found }) =>
      isUnwired(found) ? [] : [{ connector, listeners: found.listeners }],
    ),
  }
}

const leastBytes = 16 * 1024 * 1024

async function examineState({ config }: ExamineOptions): Promise<Finding> {
  const what = 'state directory'
  try {
    await openReserve(`${config.stateDir}/reserve`).ensure()
    const free = await freeSpace(config.stateDir)
    const mb = `${Math.floor(free / 1024 / 1024)} MB free`
    if (free >= leastBytes) return { what, verdict: 'ok', detail: mb }
    return { what, verdict: 'warning', detail: `only ${mb} in ${config.stateDir}: make room` }
  } catch (error) {
    return { what, verdict: 'failed', detail: `${(error as Error).message}: make it writable for the agent` }
  }
}

async function examineControlPlane({ controlPlane, facts }: ExamineOptions): Promise<Finding> {
  const what = 'control plane'
  if (controlPlane === null) return { what, verdict: 'warning', detail: 'none is configured: waxseal enroll' }
  try {
    await controlPlane.heartbeat(facts)
    return { what, verdict: 'ok', detail: 'a heartbeat was answered' }
  } catch (error) {
    const coded = asWaxsealError(error)
    return {
      what,
      verdict: 'failed',
      detail: `${coded.code}: ${describeError(coded)}; ${coded.details['status'] === 500 ? `${unknownAgent} ` : ''}waxseal explain ${coded.code}`,
    }
  }
}

function examineReports({ shown }: ExamineOptions): readonly Finding[] {
  const held = shown?.held ?? []
  if (held.length === 0) return []
  const said = held.map(({ count, refusal }) => `${refusedKind} ${count} are kept; the server said: ${refusal}`)
  return [{ what: 'reports', verdict: 'warning', detail: said.join(' ') }]
}

const longestSkewMs = 60_000

/** After the heartbeat: its answer carried the server's time. */
function examineClock({ controlPlane }: ExamineOptions): Finding {
  const what = 'clock'
  const aheadMs = controlPlane?.clockAheadMs() ?? null
  if (aheadMs === null) return { what, verdict: 'ok', detail: 'nobody to compare it with' }
  const seconds = Math.abs(Math.round(aheadMs / 1000))
  if (Math.abs(aheadMs) <= longestSkewMs)
    return { what, verdict: 'ok', detail: `within ${seconds + 1} s of the control plane's` }
  const side = aheadMs > 0 ? 'ahead of' : 'behind'
  const way = 'timedatectl set-ntp true; by a wrong clock, certificates seem expired or not valid yet'
  return { what, verdict: 'failed', detail: `${seconds} s ${side} the control plane's: ${way}` }
}

async function examineTargets(engine: Engine, names: TargetNames): Promise<readonly Finding[]> {
  const records = (await engine.records.list()).map(({ document }) => document)
  const last = await engine.history.lastPerTarget()
  const deployed = records.map(async (record): Promise<Finding> => {
    const { valid, reasons, daysLeft, probes } = await inspect(record, engine, { withCheck: true })
    const what = `target ${names.labelOf(record.target)}`
    if (!valid) return { what, verdict: 'failed', detail: `${reasons.join(' ')} Deploy it again.` }
    const isUnproven = probes.length > 0 && probes.every(({ ok }) => !ok)
    const detail = `as it was deployed, ${daysLeft} days left${isUnproven ? '; unproven: no listener shows the leaf' : ''}`
    const line = last.get(record.target)
    if (line !== undefined && hasFailed(line))
      return { what, verdict: 'failed', detail: `${detail}; but ${describe(line, names)}` }
    const { stage } = lifetimeOf(record.certificate, engine.clock.now())
    const advice = renewalAdvice(record.certificate, engine.clock.now(), line?.job !== undefined)
    const verdicts = { fresh: 'ok', due: 'warning', late: 'failed', expired: 'failed' } as const
    const verdict = isUnproven && stage === 'fresh' ? 'warning' : verdicts[stage]
    return { what, verdict, detail: advice === null ? detail : `${detail}. ${advice}` }
  })
  const known = new Set(records.map(({ target }) => target))
  const neverDeployed = [...last.values()].filter((line) => !known.has(line.target) && hasFailed(line))
  return [
    ...(await Promise.all(deployed)),
    ...neverDeployed.map((line): Finding => {
      const detail = `no deployment to it has succeeded yet: ${describe(line, names)}`
      return { what: `target ${names.labelOf(line.target)}`, verdict: 'failed', detail }
    }),
  ]
}

function hasFailed({ outcome }: HistoryLine): boolean {
  return outcome !== 'deployed' && outcome !== 'unchanged'
}

/** A hook of certbot's that fails is a line of a log that nobody reads: here it is said again. */
function describe({ time, outcome, code, target }: HistoryLine, names: TargetNames): string {
  return `the deployment of ${time} was ${outcome}: ${code} (waxseal explain ${code}); waxseal history ${names.argumentOf(target)}`
}
