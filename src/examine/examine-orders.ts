import type { Engine } from '../deployer/engine.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import type { Finding } from './finding.ts'

const soonMs = 30 * 86_400_000
const way = 'sign it again, and hand it over with waxseal control-plane add-order'

/** Whether the standing orders that this host has taken go on. One that ends ends the renewals of its target, and nothing fails before that. */
export async function examineOrders(
  { policy, orders, clock }: Pick<Engine, 'policy' | 'orders' | 'clock'>,
  records: readonly Pick<DeploymentRecord, 'target'>[],
): Promise<readonly Finding[]> {
  if (policy.orders === null) return []
  const { host, keys } = policy.orders
  const what = 'orders'
  const known = new Set(records.map(({ target }) => target))
  const taken = (await orders.list()).filter(({ target }) => known.has(target))
  const soon = taken.filter(({ notAfter }) => Date.parse(notAfter) - clock.now() < soonMs)
  const names = soon.map(({ name, notAfter }) => `${name} (${notAfter})`).join(', ')
  if (soon.some(({ notAfter }) => Date.parse(notAfter) < clock.now()))
    return [{ what, verdict: 'failed', detail: `the order of these targets has ended, or ends soon: ${names}: ${way}` }]
  if (soon.length > 0)
    return [{ what, verdict: 'warning', detail: `the order of these targets ends within 30 days: ${names}: ${way}` }]
  const detail = `a job for ${host} needs one that is signed with ${keys.length === 1 ? 'the pinned key' : 'a pinned key'}; ${taken.length} taken`
  return [{ what, verdict: 'ok', detail }]
}
