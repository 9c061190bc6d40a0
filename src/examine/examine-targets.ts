import type { Engine } from '../deployer/engine.ts'
import { inspect } from '../deployer/inspect.ts'
import type { HistoryLine } from '../journal/history.ts'
import type { TargetNames } from '../journal/target-names.ts'
import { lifetimeOf, renewalAdvice } from '../outcome/lifetime.ts'
import type { Finding } from './finding.ts'

/** Every target: whether it is as it was deployed, its last deployment succeeded, and its certificate is not due. */
export async function examineTargets(engine: Engine, names: TargetNames): Promise<readonly Finding[]> {
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
