import type { Logger } from 'pino'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import { type Clock, pause } from '../host/clock.ts'
import { type LookParts, lookFromOutside } from '../look/look-from-outside.ts'

/** What looking from outside for others needs. */
export interface LookWatchParts {
  readonly controlPlane: Pick<ControlPlane, 'askedLooks' | 'reportLook'>
  readonly looking: Looking
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly signal: AbortSignal
}

/** What the host's policy allows (`policy.look`). */
export interface Looking extends Omit<LookParts, 'now'> {
  /** Null: any. */
  readonly domains: readonly string[] | null
}

const betweenMs = 30_000
const hourMs = 3_600_000
/** In an hour, whoever asks. */
export const mostLooks = 30

/** Asks the control plane what it wants looked at, and does one after the other, until the signal aborts. */
export async function watchLooks(parts: LookWatchParts): Promise<void> {
  const { clock, signal, log } = parts
  const done: number[] = []
  while (!signal.aborted) {
    try {
      await lookOnce(parts, done)
    } catch (error) {
      log.warn({ reason: describeError(asWaxsealError(error)) }, 'what is to be looked at could not be asked, or told')
    }
    await pause(clock, betweenMs * (0.8 + 0.4 * clock.random()), signal)
  }
}

/** One turn. `done`: when looks were made. */
export async function lookOnce(
  { controlPlane, looking, clock, log }: Omit<LookWatchParts, 'signal'>,
  done: number[],
): Promise<void> {
  for (const { id, domain } of await controlPlane.askedLooks()) {
    const now = clock.now()
    while (done[0] !== undefined && now - done[0] >= hourMs) done.shift()
    const refusal = refusalOf(domain, looking, done.length)
    if (refusal === null) done.push(now)
    const { domains: _, ...parts } = looking
    const report = refusal === null ? await lookFromOutside(domain, { ...parts, now: () => clock.now() }) : null
    await controlPlane.reportLook(id, report, refusal)
    log.info({ look: id, domain, refused: refusal, problems: report?.problems.length ?? null }, 'looked from outside')
  }
}

function refusalOf(domain: string, { domains }: Looking, count: number): string | null {
  if (domains !== null && !domains.some((one) => domain === one || domain.endsWith(`.${one}`)))
    return 'the policy of this host does not name this domain (policy.look.domains)'
  return count >= mostLooks ? `this host makes ${mostLooks} looks an hour at most` : null
}
