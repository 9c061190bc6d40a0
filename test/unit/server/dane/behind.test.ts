import t from 'tap'
import { behindWith, longMs } from '../../../../src/server/dane/behind.ts'
import { recordOf, type TlsaLook } from '../../../../src/server/dane/tlsa.ts'
import { tlsaRow } from '../../../support/store-site.ts'

const at = Date.parse('2026-11-27T05:00:00Z')
const spki = 'ab'.repeat(32)
const name = { name: '_25._tcp.mx.example.net' }
const needed = [{ spki, pems: [], why: 'awaited', current: null }] as const
const row = tlsaRow({ name: name.name, spki, state: 'publishing', changedAt: at - longMs, actedAt: at - longMs })
const answerOf = (server: string, isThere: boolean) => ({
  server,
  records: isThere ? [recordOf(spki)] : [],
  ttlMs: 1000,
})
const look: TlsaLook = {
  endName: name.name,
  answers: [answerOf('ns1', true), answerOf('ns2 (192.0.2.2)', false)],
  negativeMs: 1000,
  believed: [],
  problem: null,
  isByHand: false,
  settleMs: 0,
}
const seen = { name, look, at, needed }

t.test('the server that has a record not yet, when others have it, is named', (t) => {
  t.match(behindWith(seen, [row]), /^the record of the key abababababab is not at ns2 \(192\.0\.2\.2\)/)
  t.end()
})

t.test('nothing is said within a quarter of an hour, or of a record that was seen everywhere', (t) => {
  t.equal(behindWith(seen, [{ ...row, changedAt: at - longMs + 1 }]), null)
  t.equal(behindWith(seen, [{ ...row, seenAt: at }]), null)
  t.equal(behindWith({ ...seen, needed: [] }, [row]), null)
  t.end()
})

t.test('a record at no server is told where the server publishes; a person is told what to publish', (t) => {
  const nowhere = { ...look, answers: [answerOf('ns1', false)] }
  t.match(behindWith({ ...seen, look: nowhere }, [row]), /is at no server/)
  t.equal(behindWith({ ...seen, look: { ...nowhere, isByHand: true } }, [row]), null)
  t.end()
})

t.test('a record at every server that the resolver does not believe is told as that', (t) => {
  const everywhere = { ...look, answers: [answerOf('ns1', true)] }
  t.match(behindWith({ ...seen, look: everywhere }, [row]), /the resolver on loopback does not say so/)
  t.end()
})
