import { type Answer, encode } from 'dns-packet'
import { judgeCaa } from '../../../../src/dns/judge-caa.ts'
import { answersTo, isAnswerTo, readMessage, writeQuestion } from '../../../../src/dns/message.ts'
import { asName } from '../../../../src/dns/name.ts'
import { nsupdateScript } from '../../../../src/dns/nsupdate-script.ts'
import { type DnsRecord, recordsOf } from '../../../../src/dns/record.ts'
import { requirePlain } from '../../../../src/dns/record-change.ts'
import { type Boundary, Violation } from '../fuzz.ts'
import { mutateBytes, mutateText } from '../mutate.ts'

const name = 'mx.example.org'
const at = { name, class: 'IN', ttl: 60 } as const
const answers: readonly Answer[] = [
  { ...at, type: 'CNAME', data: 'key.example.net' },
  { ...at, type: 'A', data: '192.0.2.1' },
  { ...at, type: 'AAAA', data: '2001:db8::1' },
  { ...at, type: 'NS', data: 'ns.example.org' },
  { ...at, type: 'MX', data: { preference: 10, exchange: name } },
  { ...at, type: 'SOA', data: { mname: name, rname: name, serial: 1, minimum: 60 } },
  { ...at, type: 'TXT', data: ['a', 'b'.repeat(200)] },
  { ...at, type: 'TLSA', data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32, 7) } },
  { ...at, type: 'CAA', data: { flags: 128, tag: 'issue', value: 'ca.example; accounturi=https://ca.example/1' } },
  { ...at, type: 'DNSKEY', data: { flags: 257, algorithm: 13, key: Buffer.alloc(64) } },
  { ...at, type: 'NSEC', data: { nextDomain: 'a.example.org', rrtypes: ['A', 'TLSA', 'CAA'] } },
]

/** Answers to a question of ours, from a server or from who stands on the way. */
export const dnsAnswers: Boundary = {
  name: 'dns: answers',
  share: 800,
  open: async () => ({
    take: async (random) => {
      const question = writeQuestion({ name, type: 'TLSA' }, true)
      const some = answers.filter(() => random.below(3) > 0)
      const parts = { answers: some, authorities: some.slice(0, random.below(4)), additionals: some.slice(0, 1) }
      const id = question.readUInt16BE(0)
      const whole = encode({ type: 'response', id, questions: [{ name, type: 'TLSA' }], ...parts })
      const bytes = random.below(20) === 0 ? whole : mutateBytes(whole, random)
      isAnswerTo(question, bytes)
      const message = readMessage(bytes)
      if (message === null) throw new Error('it cannot be read')
      for (const record of [...message.answers, ...message.authority, ...message.additional]) requireTame(record)
      answersTo({ name, type: 'TLSA' }, message.answers)
      const caa = recordsOf('CAA', message.answers).map(({ data }) => data)
      return judgeCaa(caa, { identities: ['ca.example'], isWildcard: false, accountUri: null, method: 'dns-01' })
    },
    close: async () => {},
  }),
}

function requireTame({ name: owner, ttl, type, data }: DnsRecord): void {
  const names = [owner, ...(type === 'CNAME' || type === 'NS' ? [data] : [])]
  if (names.some((one) => asName(one) !== one)) throw new Violation(`a name is ${JSON.stringify(names)}`)
  if (!Number.isInteger(ttl) || ttl < 0 || ttl > 0x7fffffff) throw new Violation(`a TTL is ${ttl}`)
  if (type === 'TLSA' && !/^[0-9a-f]*$/.test(data.data)) throw new Violation(`a TLSA record holds ${data.data}`)
}

/** Records that somebody's alias, host or CA would have published. */
export const dnsChanges: Boundary = {
  name: 'dns: records to publish',
  share: 200,
  open: async () => ({
    take: async (random) => {
      const isText = random.below(2) === 0
      const change = {
        change: random.pick(['add', 'remove'] as const),
        name: mutateText('_25._tcp.mx.example.org', random),
        type: isText ? ('TXT' as const) : ('TLSA' as const),
        value: mutateText(isText ? 'abc_-9' : `3 1 1 ${'ab'.repeat(32)}`, random),
        ttl: random.pick([0, 60, -1, 1.5, Number.NaN, 1e12]),
      }
      const server = { server: mutateText('192.0.2.53', random), port: 53, keyFile: '/key' }
      const one = random.below(2) === 0 ? { ...change, name: 'mx.example.org', ttl: 60 } : change
      const text = nsupdateScript([requirePlain(one)], 'example.org', { ...server, server: '192.0.2.53' })
      nsupdateScript([requirePlain(one)], 'example.org', server)
      if (!/^server [\w.:-]+ 53\nzone example\.org\.\nupdate (add|delete) [\w.-]+ [\w" -]+\nsend\n$/.test(text))
        throw new Violation(`nsupdate is told ${JSON.stringify(text)}`)
    },
    close: async () => {},
  }),
}
