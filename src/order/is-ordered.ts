import type { StandingOrder } from './standing-order.ts'

/** Whether an order has this name: in any case, and without a dot at its end. `*.example.net` stands for itself and for one label, and for no mailbox. */
export function isOrdered(name: string, { names }: Pick<StandingOrder, 'names'>): boolean {
  const asked = plain(name)
  const dot = asked.indexOf('.')
  const isHost = dot > 0 && !asked.includes('@')
  return names
    .map(plain)
    .some((one) => one === asked || (isHost && one.startsWith('*.') && asked.slice(dot) === one.slice(1)))
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
