import type { CertificateFacts } from './outcome.ts'

/** How far a certificate is in its life, whether that is 6 days or 398. */
export interface Lifetime {
  /** The share of its life that is gone: 0 at its start, 1 at its end, more when it has expired. */
  readonly used: number
  /** `due`: two thirds are gone, it should be renewed now. `late`: nine tenths are, and nobody has. */
  readonly stage: 'fresh' | 'due' | 'late' | 'expired'
  /** Whole days until it expires; negative: it has. */
  readonly daysLeft: number
}

/** From this share of its life on a certificate is due for renewal. */
const dueFrom = 2 / 3

/** From this share of its life on its renewal is late. */
const lateFrom = 0.9

/** Who is to renew, where nothing is due yet: the first question of whoever reads the page. */
export const whoRenews =
  'The control plane renews (the bundled one: waxseal control-plane certificates), or the ACME client whose hook calls waxseal deploy. This host renews by itself only where policy.acme.own says so, and only when its control plane is gone.'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** How far a certificate is in its life at `now`, in milliseconds since 1970. One that ends before it starts has expired. */
export function lifetimeOf(
  { notBefore, notAfter }: Pick<CertificateFacts, 'notBefore' | 'notAfter'>,
  now: number,
): Lifetime {
  const [start, end] = [Date.parse(notBefore), Date.parse(notAfter)]
  const share = (now - start) / (end - start)
  const isOver = !(now <= end && start < end)
  const used = isOver ? Math.max(1, Number.isFinite(share) ? share : 1) : Math.max(0, share)
  return { used, stage: isOver ? 'expired' : stageOf(used), daysLeft: Math.floor((end - now) / dayMs) }
}

function stageOf(used: number): 'fresh' | 'due' | 'late' {
  if (used >= lateFrom) return 'late'
  return used >= dueFrom ? 'due' : 'fresh'
}

/** What is left of it, for a person: `46 days`, below two days in hours. */
export function timeLeft(notAfter: string, now: number): string {
  const ms = Date.parse(notAfter) - now
  if (ms < 0) return 'none'
  const [number, noun] = ms < 2 * dayMs ? [Math.floor(ms / hourMs), 'hour'] : [Math.floor(ms / dayMs), 'day']
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** What is the matter with it and who has to do what, for a person; null while it is fresh. `isByJob`: a control plane had it deployed. */
export function renewalAdvice(
  certificate: Pick<CertificateFacts, 'notBefore' | 'notAfter'>,
  now: number,
  isByJob: boolean,
): string | null {
  const { used, stage } = lifetimeOf(certificate, now)
  if (stage === 'fresh') return null
  const way = isByJob
    ? 'Have the control plane renew it; of the bundled one waxseal control-plane certificates on its host says what is in the way.'
    : 'No control plane deployed it: run the ACME client whose hook did, or waxseal deploy with a new certificate.'
  if (stage === 'expired') return `The deployed certificate has expired. ${way}`
  const life = `The deployed certificate expires in ${timeLeft(certificate.notAfter, now)}, and ${Math.floor(used * 100)} % of its life are gone`
  return `${life}: its renewal is ${stage}. ${way}`
}
