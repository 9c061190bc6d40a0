import { randomInt } from 'node:crypto'
import { type Answer, AUTHENTIC_DATA, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { isSameName } from './name.ts'
import { readRecord } from './read-record.ts'
import type { DnsRecord, RecordType } from './record.ts'

/** What is asked: always of the class IN. */
export interface Question {
  readonly name: string
  readonly type: RecordType
}

/** An answer to the question that was asked. */
export interface Message {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` and so on. */
  readonly rcode: string
  readonly isTruncated: boolean
  readonly isAuthoritative: boolean
  /** The AD bit: means something from a validating resolver that nobody stands before. */
  readonly isAuthentic: boolean
  readonly answers: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
  readonly additional: readonly DnsRecord[]
}

/** EDNS without fragments, as the DNS flag day 2020 has it. */
const udpPayloadSize = 1232
/** Of all sections together: more is no answer to any question of ours, and takes time to read. */
const mostRecords = 1000
const headerBytes = 12
/** NOERROR and NXDOMAIN: those that say something of the name. */
const sayingCodes: readonly number[] = [0, 3]

/** The bytes of a question with a random id. The AD bit asks for an answer that tells whether it was validated (RFC 6840 §5.7). */
export function writeQuestion({ name, type }: Question, isRecursive: boolean): Buffer {
  return encode({
    type: 'query',
    id: randomInt(0x10000),
    flags: AUTHENTIC_DATA | (isRecursive ? RECURSION_DESIRED : 0),
    questions: [{ name, type, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  })
}

/**
 * Whether these bytes answer this question: a response with its id and the question itself. A server that fails may leave the question out;
 * without it no name is said not to exist.
 */
export function isAnswerTo(question: Buffer, bytes: Buffer): boolean {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== question.readUInt16BE(0)) return false
  if ((bytes.readUInt8(2) & 0xf8) !== 0x80) return false
  if (bytes.readUInt16BE(4) === 0) return !sayingCodes.includes(bytes.readUInt8(3) & 0x0f)
  const asked = question.subarray(headerBytes, endOfQuestion(question))
  const echoed = bytes.subarray(headerBytes, headerBytes + asked.length)
  return (
    bytes.readUInt16BE(4) === 1 && asked.toString('latin1').toLowerCase() === echoed.toString('latin1').toLowerCase()
  )
}

/** Our own question has no compressed name. */
function endOfQuestion(question: Buffer): number {
  return question.indexOf(0, headerBytes) + 1 + 4
}

/** Reads an answer. Null: it cannot be read, or has more records than any answer of ours. Records of types that are not ours are left out. */
export function readMessage(bytes: Buffer): Message | null {
  const counts = [6, 8, 10].map((offset) => (bytes.length < headerBytes ? 0 : bytes.readUInt16BE(offset)))
  if (bytes.length < headerBytes || counts.reduce((sum, count) => sum + count, 0) > mostRecords) return null
  try {
    const packet = decode(bytes) as ReturnType<typeof decode> & { readonly rcode: string }
    return {
      rcode: packet.rcode,
      isTruncated: packet.flag_tc,
      isAuthoritative: packet.flag_aa,
      isAuthentic: packet.flag_ad,
      answers: recordsIn(packet.answers),
      authority: recordsIn(packet.authorities),
      additional: recordsIn(packet.additionals),
    }
  } catch {
    return null
  }
}

function recordsIn(answers: readonly Answer[] = []): readonly DnsRecord[] {
  return answers.flatMap((answer) => readRecord(answer) ?? [])
}

/** The records of this type at this name, or where the aliases among the answers lead to; aliases are followed in any order. */
export function answersTo({ name, type }: Question, answers: readonly DnsRecord[]): readonly DnsRecord[] {
  let owner = name
  for (const _ of answers) {
    const alias = answers.find((record) => record.type === 'CNAME' && isSameName(record.name, owner))
    if (alias?.type !== 'CNAME' || type === 'CNAME') break
    owner = alias.data
  }
  return answers.filter((record) => record.type === type && isSameName(record.name, owner))
}
