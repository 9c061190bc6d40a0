import type { ChallengeJob, DeploymentJob, IssuanceJob, TakeBackJob } from '../../documents/job.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { isOrdered } from '../../order/is-ordered.ts'
import { type CarriedOrder, openSigned } from '../../order/signed-order.ts'
import type { StandingOrder } from '../../order/standing-order.ts'
import type { Engine } from '../engine.ts'
import type { DeployRequest } from '../propose/deploy-request.ts'

type OrderedJob = DeploymentJob | TakeBackJob | IssuanceJob | ChallengeJob

/** What holding a job against its order needs. */
export type OrderParts = Pick<Engine, 'policy' | 'orders' | 'clock'>

/**
 * The order that covers a job which changes something; null: this host pins no key, and none is asked for. An ORDER_ error: none covers
 * it. It is taken durably before this resolves, so that an older one is refused from now on.
 */
export async function requireOrder(
  job: OrderedJob,
  { policy, orders, clock }: OrderParts,
): Promise<StandingOrder | null> {
  if (policy.orders === null) return null
  if (job.order === undefined) throw missing()
  const order = openSigned(job.order, policy.orders.keys)
  requireFor(order, job, policy.orders.host)
  requireInTime(order, clock.now())
  await orders.take(order)
  return order
}

/** ORDER_MISSING, with the way out. */
export function missing(): WaxsealError {
  return new WaxsealError('ORDER_MISSING', { setting: 'policy.orders' })
}

function requireFor(order: StandingOrder, job: OrderedJob, host: string): void {
  const exceeded = (reason: string, expected: string, ordered: string): WaxsealError =>
    new WaxsealError('ORDER_EXCEEDED', { target: order.target.name, reason, expected, ordered })
  if (nameOf(order.host) !== nameOf(host)) throw exceeded('it is for another host', host, order.host)
  if ('targetId' in job && job.targetId !== order.target.id)
    throw exceeded('it is for another target', job.targetId, order.target.id)
  if (job.kind === 'challenge') requireName(job.name, order)
  if (job.kind !== 'issuance') return
  for (const name of [job.commonName, ...job.sans]) if (name !== '') requireName(name, order)
}

/** Host names are the same in any case, and with a dot at their end. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, '')
}

/** ORDER_EXCEEDED: the order has no such name. */
export function requireName(name: string, { names, target }: StandingOrder): void {
  if (isOrdered(name, { names })) return
  throw new WaxsealError('ORDER_EXCEEDED', {
    target: target.name,
    reason: 'a name is none of the order',
    name,
    ordered: names,
  })
}

function requireInTime({ target, not_before, not_after }: StandingOrder, now: number): void {
  if (now >= Date.parse(not_before) && now <= Date.parse(not_after)) return
  throw new WaxsealError('ORDER_EXPIRED', {
    target: target.name,
    reason: now < Date.parse(not_before) ? 'it is not valid yet' : 'it has ended',
    not_before,
    not_after,
    now: new Date(now).toISOString(),
  })
}

/** A deployment as its order has it: what the job itself says of the target does not count. Null: as the job has it. */
export function asOrdered(
  request: DeployRequest,
  order: StandingOrder | null,
  { issuers = '' }: Partial<CarriedOrder> = {},
): DeployRequest {
  if (order === null) return request
  const { instance, ...rest } = request
  const { name, type, config } = order.target
  const isOther = request.generation === undefined && !isSame(request, order)
  return {
    ...rest,
    targetName: name,
    connector: type,
    config,
    order,
    issuersPem: issuers,
    ...(isOther ? { remark: otherTarget } : {}),
  }
}

const otherTarget =
  'The job brought another target than its order has. What was signed was deployed: sign the order again if the target was changed.'

/** Whatever the order of fields. */
function isSame({ connector, config, instance }: DeployRequest, { target }: StandingOrder): boolean {
  const sorted = (value: unknown): unknown =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
  const text = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => sorted(inner))
  return instance === undefined && connector === target.type && text(config) === text(target.config)
}
