import { domainToASCII } from 'node:url'

/**
 * Whether a name of a certificate (RFC 6125 §6.4), or of an MTA-STS policy (RFC 8461 §4.1), stands for this one: a wildcard for the leftmost
 * label. A pattern is covered by itself alone.
 */
export function coversName(pattern: string, name: string): boolean {
  const [one, other] = [normal(pattern), normal(name)]
  return one === other || (one.startsWith('*.') && other.slice(other.indexOf('.')) === one.slice(1))
}

/** Lower case, A-labels (RFC 5890 §2.3.2.1), no dot at the end. What is no domain name stays as it is. */
function normal(name: string): string {
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name)
  return (ascii === '' ? name : ascii).toLowerCase().replace(/\.$/, '')
}
