import { domainToASCII } from 'node:url'

/** Whether a certificate's name stands for this one: RFC 6125 §6.4, a wildcard for the leftmost label. A pattern is covered by itself alone. */
export function coversName(pattern: string, name: string): boolean {
  const [one, other] = [normal(pattern), normal(name)]
  return one === other || (one.startsWith('*.') && other.slice(other.indexOf('.')) === one.slice(1))
}

/** Whether two certificates have a name in common: the same, or one that the other's wildcard covers. */
export function shareName(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.some((other) => coversName(one, other) || coversName(other, one)))
}

/** Lower case, A-labels (RFC 5890 §2.3.2.1), no dot at the end. What is no domain name stays as it is. */
function normal(name: string): string {
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name)
  return (ascii === '' ? name : ascii).toLowerCase().replace(/\.$/, '')
}
