import type { Answer, CaaData, MxData, SoaData, TlsaData } from 'dns-packet'
import { asName } from './name.ts'
import type { DnsRecord } from './record.ts'

const longestTtl = 0x7fffffff

/** A record of a type that is ours, checked. Null: another type or class, or a name that is none of a host. Never throws. */
export function readRecord(answer: Answer): DnsRecord | null {
  if (answer.type === 'OPT' || answer.class !== 'IN') return null
  const owner = asName(answer.name)
  if (owner === null) return null
  // RFC 2181 §8: a TTL with its highest bit set is zero.
  const written = answer.ttl ?? 0
  const at = { name: owner, ttl: written > longestTtl ? 0 : written }
  switch (answer.type) {
    case 'A':
    case 'AAAA':
      return { ...at, type: answer.type, data: answer.data }
    case 'CNAME':
    case 'NS': {
      const target = asName(answer.data)
      return target === null ? null : { ...at, type: answer.type, data: target }
    }
    case 'MX':
      return readMx(at, answer.data)
    case 'SOA':
      return { ...at, type: 'SOA', data: readSoa(answer.data) }
    case 'TXT':
      return { ...at, type: 'TXT', data: textOf(answer.data) }
    case 'TLSA':
      return { ...at, type: 'TLSA', data: readTlsa(answer.data) }
    case 'CAA':
      return { ...at, type: 'CAA', data: readCaa(answer.data) }
    default:
      return null
  }
}

type At = Pick<DnsRecord, 'name' | 'ttl'>

function readMx(at: At, { preference = 0, exchange }: MxData): DnsRecord | null {
  // `MX 0 .` is a host without mail (RFC 7505).
  const name = exchange === '.' ? '' : asName(exchange)
  return name === null ? null : { ...at, type: 'MX', data: { preference, exchange: name } }
}

function readSoa({ serial = 0, minimum = 0 }: SoaData): { readonly serial: number; readonly minimum: number } {
  return { serial, minimum }
}

/** One record's strings are one text, as everybody reads them. */
function textOf(data: string | Buffer | readonly (string | Buffer)[]): string {
  const parts = typeof data === 'string' || Buffer.isBuffer(data) ? [data] : data
  return parts.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))).join('')
}

function readTlsa({
  usage,
  selector,
  matchingType,
  certificate,
}: TlsaData): Extract<DnsRecord, { type: 'TLSA' }>['data'] {
  return { usage, selector, matchingType, data: certificate.toString('hex') }
}

function readCaa({ flags = 0, tag, value }: CaaData): Extract<DnsRecord, { type: 'CAA' }>['data'] {
  return { isCritical: (flags & 0x80) !== 0, tag: tag.toLowerCase(), value }
}
