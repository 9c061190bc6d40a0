import type { Logger } from 'pino'
import type { ShownHost } from '../documents/shown-host.ts'
import { type Clock, pause } from '../host/clock.ts'
import { lookAtDomain, type StsLook, type StsView } from '../mta-sts/look-at-domain.ts'
import type { Condition } from '../notice/matter.ts'

/** What the watch needs. */
export interface StsParts {
  readonly domains: readonly string[]
  readonly view: Pick<StsView, 'resolvers' | 'ownNames' | 'policyHost'>
  readonly readShown: () => Promise<ShownHost | null>
  /** What wants a person, after each look. */
  readonly onConditions: (conditions: readonly Condition[]) => void
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn' | 'info'>
  readonly signal: AbortSignal
}

const firstMs = 2 * 60_000
const betweenMs = 6 * 3_600_000

/** Compares the domains' MTA-STS policies with their MX records and what is served, soon after the start and every six hours. */
export async function watchMtaSts(parts: StsParts): Promise<void> {
  const { clock, signal } = parts
  // Many hosts start together, and their domains have one policy host.
  await pause(clock, firstMs + firstMs * clock.random(), signal)
  const told = new Map<string, string>()
  while (!signal.aborted) {
    await lookOnce(parts, told)
    await pause(clock, betweenMs * (0.9 + 0.2 * clock.random()), signal)
  }
}

/** One look at each domain. Each change is told once to the log. */
export async function lookOnce(
  { domains, view, readShown, onConditions, log }: StsParts,
  told: Map<string, string>,
): Promise<void> {
  const shown = await readShown()
  const servedNames = (shown?.records ?? []).flatMap(({ certificate }) => certificate.names)
  const looks: StsLook[] = []
  for (const domain of domains) looks.push(await lookAtDomain(domain, { ...view, servedNames }))
  for (const { domain, problems } of looks) {
    const now = JSON.stringify(problems)
    if ((told.get(domain) ?? '[]') !== now)
      log[problems.length === 0 ? 'info' : 'warn'](
        { domain, reasons: problems.map(({ text }) => text) },
        problems.length === 0 ? 'MTA-STS is in order again' : 'MTA-STS is not in order',
      )
    told.set(domain, now)
  }
  onConditions(looks.flatMap(conditionsOf))
}

function conditionsOf({ domain, problems }: StsLook): readonly Condition[] {
  return problems.map(({ code, exchange, text }) => ({
    kind: 'mta-sts',
    code,
    subject: `${domain} ${exchange ?? ''}`,
    agent: null,
    target: null,
    certificate: null,
    text,
  }))
}
