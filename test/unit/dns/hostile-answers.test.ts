import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { decode, encode } from 'dns-packet'
import t from 'tap'
import { askDns } from '../../../src/dns/ask.ts'
import { isAnswerTo, readMessage, writeQuestion } from '../../../src/dns/message.ts'
import { dnsAnswers, dnsChanges } from '../../hostile/support/boundary/dns.ts'
import { fuzz } from '../../hostile/support/fuzz.ts'
import { answering, startAnswering } from '../../support/answering-server.ts'

const question = { name: 'mx.example.org', type: 'A' } as const
const options = { isRecursive: false, timeoutMs: 1000 }
const good = { type: 'A', name: 'mx.example.org', class: 'IN', ttl: 60, data: '192.0.2.1' } as const
const evil = { ...good, data: '203.0.113.66' }

t.test('an answer from another address or port than was asked is dropped, whatever it holds', async (t) => {
  const stranger = createSocket('udp4').bind(0, '127.0.0.2')
  await once(stranger, 'listening')
  t.teardown(() => stranger.close())
  const server = await startAnswering(t, ({ bytes, port }) => {
    const { id = 0 } = decode(bytes)
    stranger.send(encode({ type: 'response', id, questions: [question], answers: [evil] }), port, '127.0.0.1')
    return null
  })

  t.same(await askDns(question, [server], options), { failed: 'ETIMEOUT' })
  t.equal(server.heard.length, 2)
})

t.test('a denial without its question is no denial', async (t) => {
  const server = await startAnswering(t, ({ bytes }) => {
    const { id = 0 } = decode(bytes)
    return [encode({ type: 'response', id, flags: 3 }), answering(good)]
  })

  t.match(await askDns(question, [server], options), { rcode: 'NOERROR', answers: [{ data: '192.0.2.1' }] })
})

t.test('of a denial and an answer that race, the first one counts, and is one whole answer', async (t) => {
  const server = await startAnswering(t, () => [{ flags: 3 }, answering(good)])

  t.match(await askDns(question, [server], options), { rcode: 'NXDOMAIN', answers: [] })
})

t.test('names that point at themselves, forward or in a ring end the message', async (t) => {
  const head = (answers: number): Buffer => Buffer.from(`000080000001000${answers}00000000`, 'hex')
  const asked = Buffer.from('026d78076578616d706c65036f72670000010001', 'hex')
  const rest = Buffer.from('000100010000003c0004c0000201', 'hex')
  for (const pointer of ['c022', 'c024', 'c0ff', 'ffff', 'c023', '8001', '4141'])
    t.equal(readMessage(Buffer.concat([head(1), asked, Buffer.from(pointer, 'hex'), rest])), null, pointer)
  t.not(readMessage(Buffer.concat([head(1), asked, Buffer.from('c00c', 'hex'), rest])), null)
})

t.test('a message that announces more records than any answer of ours is not read', async (t) => {
  const bytes = encode({ type: 'response', id: 1, questions: [question] })
  for (const offset of [6, 8, 10]) {
    const many = Buffer.from(bytes)
    many.writeUInt16BE(0xffff, offset)
    t.equal(readMessage(many), null)
  }
  t.equal(readMessage(Buffer.alloc(11)), null)
})

t.test('a thousand names at the end of ten thousand pointers are read or refused, and end', async (t) => {
  const chain = Buffer.alloc(20_000)
  for (let index = 0; index < 10_000; index += 1)
    chain.writeUInt16BE(0xc000 | Math.min(0x3fff, 32 + 11 + 2 * Math.max(0, index - 1)), index * 2)
  const owner = encode({ type: 'response', id: 1, questions: [question] })
  owner.writeUInt16BE(1000, 6)
  const carrier = Buffer.concat([Buffer.from('00000a00010000003c4e20', 'hex'), chain])
  const record = Buffer.from('ffff000100010000003c0004c0000201', 'hex')

  const message = readMessage(Buffer.concat([owner, carrier, ...Array.from({ length: 999 }, () => record)]))

  t.ok(message === null || message.answers.length <= 999)
})

t.test('a TCP answer that never ends, is cut off or comes byte by byte is bounded', async (t) => {
  const endless = await startAnswering(t, ({ by, bytes }) => {
    const { id = 0 } = decode(bytes)
    if (by === 'udp') return { flags: 0x0200 }
    return Array.from({ length: 50 }, () => encode({ type: 'response', id, questions: [question], answers: [good] }))
  })
  t.match(await askDns(question, [endless], options), { answers: [{ data: '192.0.2.1' }] })

  const empty = await startAnswering(t, ({ by }) => (by === 'udp' ? { flags: 0x0200 } : Buffer.alloc(0)))
  t.same(await askDns(question, [empty], options), { failed: 'EBADRESP' })
  const silent = await startAnswering(t, ({ by }) => (by === 'udp' ? { flags: 0x0200 } : null))
  t.same(await askDns(question, [silent], { ...options, timeoutMs: 200 }), { failed: 'ETIMEOUT' })
})

t.test('an answer as large as a datagram can be is read as any other', async (t) => {
  const server = await startAnswering(t, () => answering(...Array.from({ length: 900 }, () => good)))

  const answer = await askDns(question, [server], options)

  t.equal('answers' in answer && answer.answers.length, 900)
})

t.test('a question is answered by its own echo in any case of letters, and by no other', async (t) => {
  const bytes = writeQuestion(question, true)
  const echo = Buffer.from(bytes)
  echo[2] = 0x80
  t.ok(isAnswerTo(bytes, Buffer.from(echo.toString('latin1').replace('mx', 'MX'), 'latin1')))
  t.notOk(isAnswerTo(bytes, Buffer.from(echo.toString('latin1').replace('mx', 'my'), 'latin1')))
  t.notOk(isAnswerTo(bytes, bytes), 'a question is no answer')
  t.notOk(isAnswerTo(bytes, echo.subarray(0, 20)))
})

for (const boundary of [dnsAnswers, dnsChanges])
  t.test(`each of 10,000 inputs at "${boundary.name}" ends in a value or a coded error`, async (t) => {
    const figures = await fuzz(boundary, 10_000, 20_261_127)

    t.comment(JSON.stringify({ ...figures, crashes: figures.crashes.length, hangs: figures.hangs.length }))
    t.same(figures.crashes, [])
    t.same(figures.hangs, [])
    t.ok(figures.values > 200 && figures.refused > 200, 'both ends are met')
  })
