import type { ProbeProtocol } from './plan.ts'

const protocols: Readonly<Record<number, ProbeProtocol>> = {
  24: 'lmtp',
  25: 'smtp',
  110: 'pop3',
  143: 'imap',
  587: 'smtp',
  2525: 'smtp',
  4190: 'sieve',
}

/** The protocol that a port speaks by its IANA registration; TLS from the first byte where it is none of ours. */
export function protocolOfPort(port: number): ProbeProtocol {
  return protocols[port] ?? 'tls'
}
