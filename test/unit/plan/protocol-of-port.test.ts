import t from 'tap'
import { protocolOfPort } from '../../../src/plan/protocol-of-port.ts'

t.test('a mail port speaks what it is registered for', async (t) => {
  const ports = { 24: 'lmtp', 25: 'smtp', 587: 'smtp', 2525: 'smtp', 143: 'imap', 110: 'pop3', 4190: 'sieve' }

  for (const [port, protocol] of Object.entries(ports)) t.equal(protocolOfPort(Number(port)), protocol, port)
})

t.test('every other port speaks TLS from the first byte', async (t) => {
  for (const port of [443, 465, 993, 995, 8443, 1, 65_535]) t.equal(protocolOfPort(port), 'tls', String(port))
})
