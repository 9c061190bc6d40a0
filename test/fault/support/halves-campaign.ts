import { allEnded } from '../../support/all-ended.ts'
import type { HalvesHost } from './halves-host.ts'
import { type Half, type HalvesRan, type KillPlan, type Power, runHalves, type Steps } from './halves-run.ts'
import { ownPoint, sharedCalls, shareOfCount } from './share.ts'

/** `npm run soak:kill`: after each call, which takes longer than a change may wait. */
export const isSoak = process.env['WAXSEAL_SOAK'] === '1'
const steps: Steps = isSoak ? 'all' : 'changes'

/** One half whose calls are counted, and who dies after them. */
export interface Campaign {
  readonly half: Half
  readonly both: boolean
  /** How many points `npm run test:fault` takes. */
  readonly sample: number
  readonly powerOf?: (host: HalvesHost) => Power
}

/** What came of it. */
export interface CampaignReport {
  readonly half: Half
  readonly both: boolean
  /** Of the half, for one certificate. */
  readonly calls: number
  readonly killPoints: number
  /** The calls after which the answer to a poll was gone, so that the job came again when its lease had run out. */
  readonly handedOutAgain: readonly string[]
  readonly violations: readonly string[]
}

type End = Pick<HalvesRan, 'killedAfter' | 'handedOutAgain' | 'violations'>

/** Sends a certificate through without a kill, which tells how many calls there are; then one for each point. */
export async function runCampaign(
  hosts: readonly HalvesHost[],
  campaign: Campaign,
  onProgress: (line: string) => void,
): Promise<CampaignReport> {
  const { half, both, powerOf } = campaign
  const planOf = (host: HalvesHost, after: number | null): KillPlan => {
    const power = powerOf?.(host)
    return { half, both, after, steps, ...(power === undefined ? {} : { power }) }
  }
  const [first] = hosts
  if (first === undefined) throw new Error('there is no host')
  const whole = await runHalves(first, planOf(first, null))
  const calls = whole.calls.length
  // Where both die, between those where one did.
  const points = sharedCalls(calls, campaign.sample, both ? 0.3 : 0.7)
  const ends: End[] = [whole]
  let next = 0
  let isOver = false
  const nextPoint = (): number | null => {
    next += 1
    if (isSoak) return isOver && ownPoint(next) > calls ? null : ownPoint(next)
    return points[next - 1] ?? null
  }
  const work = async (host: HalvesHost): Promise<void> => {
    for (let after = nextPoint(); after !== null; after = nextPoint()) {
      const tried = await runHalves(host, planOf(host, after))
      // Polls come as often as time has it: a run may have fewer calls than the one that was counted.
      const isShort = tried.killedAfter === null && !isSoak
      if (isShort) ends.push(tried)
      const ran = isShort ? await runHalves(host, planOf(host, tried.calls.length - 3)) : tried
      const violations = ran.violations.map((one) => `${after}, ${ran.killedAfter}: ${one}`)
      ends.push({ ...ran, violations })
      if (ran.killedAfter === null) isOver = true
      if (ends.length % 25 === 0) onProgress(`${ends.length} runs, now after call ${after} of about ${calls}`)
    }
  }
  await allEnded(hosts.map(work))
  const killed = ends.filter(({ killedAfter }) => killedAfter !== null)
  return {
    half,
    both,
    calls,
    killPoints: killed.length,
    handedOutAgain: killed.filter((end) => end.handedOutAgain.length > 0).map(({ killedAfter }) => killedAfter ?? ''),
    violations: ends.flatMap(({ violations }) => violations),
  }
}

/** How many points of a campaign must have been reached. */
export function fewestPoints({ sample }: Campaign, { calls }: CampaignReport): number {
  return isSoak ? shareOfCount(calls) * 0.9 : Math.max(1, shareOfCount(sample) - 1)
}

/** One line of figures. */
export function summaryOf({ half, both, killPoints, calls, handedOutAgain, violations }: CampaignReport): string {
  const who = both ? `both, counted by the ${half}` : half
  return `${who}: ${killPoints} kill points of ${calls} calls, ${handedOutAgain.length} jobs handed out again, ${violations.length} violations`
}
