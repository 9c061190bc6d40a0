import t from 'tap'
import { askTlsa, hasTlsa, resolversOf, writeTlsa } from '../../../src/dns/tlsa.ts'
import { answering, startAnswering, validated } from '../../support/answering-server.ts'

const owner = '_25._tcp.mx.example.org'
const alias = { type: 'CNAME', name: owner, class: 'IN', ttl: 5, data: 'key.example.net' } as const
const issuer = { usage: 2, selector: 1, matchingType: 1, certificate: Buffer.from('ab'.repeat(32), 'hex') }

t.test('records are secure where a resolver on loopback has validated them', async (t) => {
  const record = { type: 'TLSA', name: owner, class: 'IN', ttl: 60, data: issuer } as const
  const validating = await startAnswering(t, () => validated(record))
  const other = await startAnswering(t, () => answering(record))
  const records = [{ usage: 2, selector: 1, matchingType: 1, data: 'ab'.repeat(32) }]

  t.same(await askTlsa(owner, [validating]), { records, ttl: 60, isSecure: true })
  t.same(await askTlsa(owner, [other]), { records, ttl: 60, isSecure: false })
})

t.test('an alias leads to its records, in whatever order the answer has them', async (t) => {
  const record = { type: 'TLSA', name: 'key.example.net', class: 'IN', ttl: 60, data: issuer } as const
  for (const answers of [
    [alias, record],
    [record, alias],
  ]) {
    const resolver = await startAnswering(t, () => validated(...answers))

    t.match(await askTlsa(owner, [resolver]), { records: [{ usage: 2 }], isSecure: true })
  }
})

t.test('records beside the alias are not those of the name', async (t) => {
  const record = { type: 'TLSA', name: 'other.example.net', class: 'IN', ttl: 60, data: issuer } as const
  const back = { ...alias, name: 'key.example.net', data: owner } as const
  for (const answers of [[alias, record], [alias, back, record], [record]]) {
    const resolver = await startAnswering(t, () => validated(...answers))

    t.match(await askTlsa(owner, [resolver]), { ttl: 0, isSecure: true })
    const answer = await askTlsa(owner, [resolver])
    t.equal('records' in answer && answer.records.length, 0)
  }
})

t.test('the resolvers are those that are named, or the system', async (t) => {
  t.same(resolversOf(['127.0.0.1:5353', 'no address']), [{ address: '127.0.0.1', port: 5353 }])
  t.ok(Array.isArray(resolversOf([])))
})

t.test('a record is the same as another when zone files would have them alike', async (t) => {
  const data = { usage: 3, selector: 1, matchingType: 1, data: 'ab'.repeat(32) }
  const records = [{ name: owner, type: 'TLSA', ttl: 60, data } as const]

  t.equal(writeTlsa(data), `3 1 1 ${'ab'.repeat(32)}`)
  t.ok(hasTlsa(records, data))
  t.notOk(hasTlsa(records, { ...data, usage: 2 }))
  t.notOk(hasTlsa(records, { ...data, data: 'ab' }))
})
