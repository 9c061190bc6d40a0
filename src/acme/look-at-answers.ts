import { askDns } from '../dns/ask.ts'
import { answersTo } from '../dns/message.ts'
import { isAddressOrNetwork } from '../host/socket/address-set.ts'
import { type AskingParts, type Expected, followAnswer, type Verdict } from './follow-answer.ts'

/** What a CA that looks for the answer to an http-01 challenge would find, as far as it can be seen from here. */
export interface AnswerLook {
  /** Why it would not find it, with what to do, in sentences; null: nothing that could be seen speaks against it. */
  readonly against: string | null
  /** What could not be looked at, each as a sentence without its end. */
  readonly passedOver: readonly string[]
}

/** Of A records, and of AAAA records. */
const mostOfType = 8
/** Of addresses that answer wrong, and are named. */
const mostNamed = 3

/**
 * Asks for the answer at each address of the name (A and AAAA, eight each), before the CA does: a failed look of the CA counts against the
 * account. An address that this server has no way to says nothing. Never throws.
 */
export async function lookAtAnswers(expected: Expected, parts: AskingParts): Promise<AnswerLook> {
  const { name } = expected
  const { found, passedOver, isCertain } = await recordsFor(name, parts)
  if (found.length === 0 && isCertain)
    return { against: `${name} has neither an A nor an AAAA record: publish one that leads to the host.`, passedOver }
  const looked = await Promise.all(
    found.map(async ({ record, address }): Promise<Looked> => {
      const inner: Verdict = { is: 'unreachable', says: 'is an address of an inner network, which is not asked' }
      return { record, ...(parts.mayAsk(address) ? await followAnswer(address, expected, parts) : inner) }
    }),
  )
  const unreachable = looked.flatMap((one) => (one.is === 'unreachable' ? [`${one.record} ${one.says}`] : []))
  return { against: whatIsWrong(looked, name), passedOver: [...passedOver, ...unreachable] }
}

type Looked = { readonly record: string } & Verdict

interface Found {
  /** `AAAA 2001:db8::1`. */
  readonly record: string
  readonly address: string
}

interface FoundRecords {
  readonly found: readonly Found[]
  readonly passedOver: readonly string[]
  /** Whether there are no others: the DNS has answered for both types. */
  readonly isCertain: boolean
}

async function recordsFor(name: string, { resolvers }: AskingParts): Promise<FoundRecords> {
  if (isAddressOrNetwork(name)) return { found: [{ record: name, address: name }], passedOver: [], isCertain: true }
  const found: Found[] = []
  const passedOver: string[] = []
  let isCertain = true
  const types = ['A', 'AAAA'] as const
  const answers = await Promise.all(types.map((type) => askDns({ name, type }, resolvers, { isRecursive: true })))
  for (const [index, type] of types.entries()) {
    const answer = answers[index]
    if (answer === undefined || 'failed' in answer) {
      isCertain = false
      passedOver.push(`the ${type} records of ${name} cannot be looked up (${answer?.failed})`)
      continue
    }
    const records = answersTo({ name, type }, answer.answers)
    const addresses = [...new Set(records.flatMap((one) => (one.type === type ? [one.data] : [])))]
    for (const address of addresses.slice(0, mostOfType)) found.push({ record: `${type} ${address}`, address })
    if (addresses.length > mostOfType)
      passedOver.push(`of ${addresses.length} ${type} records the first ${mostOfType} were looked at`)
  }
  return { found, passedOver, isCertain }
}

function whatIsWrong(looked: readonly Looked[], name: string): string | null {
  const wrong = looked.flatMap((one) => (one.is === 'wrong' ? [`${one.record} ${one.says}`] : []))
  if (wrong.length === 0) return null
  const more = wrong.length > mostNamed ? ` (and ${wrong.length - mostNamed} more)` : ''
  const named = `${wrong.slice(0, mostNamed).join('; ')}${more}`
  const isElsewhere = looked.some(({ is }) => is === 'right')
  return isElsewhere
    ? `${named}: it leads to another machine. Remove the record, or let that host answer for ${name}, too.`
    : `${named}. No address of ${name} gives the answer: let the web server at port 80 serve /.well-known/acme-challenge/ from the folder of policy.acme.http, or let the records lead to the host that has this setting.`
}
