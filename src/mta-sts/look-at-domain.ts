import { askDns } from '../dns/ask.ts'
import { coversName } from '../dns/covers-name.ts'
import { mailExchanges } from '../dns/mail-exchanges.ts'
import { answersTo } from '../dns/message.ts'
import { recordsOf } from '../dns/record.ts'
import type { DnsServer } from '../host/socket/dns-exchange.ts'
import { fetchPolicy, type PolicyHost } from './fetch-policy.ts'
import type { StsPolicy } from './sts-policy.ts'

/** What senders that honour MTA-STS see of a domain. */
export interface StsLook {
  readonly domain: string
  /** `none`: it has no policy, and nothing is wrong with that. */
  readonly verdict: 'ok' | 'warning' | 'failed' | 'none'
  /** A code for each thing that is wrong, and a sentence. */
  readonly problems: readonly StsProblem[]
  /** Null: there is none, or none that can be read. */
  readonly policy: StsPolicy | null
  readonly mx: readonly string[]
}

/** One thing that is wrong. */
export interface StsProblem {
  readonly code: string
  /** Null: it is about the policy itself. */
  readonly exchange: string | null
  readonly text: string
}

/** What it is looked at from. */
export interface StsView {
  readonly resolvers: readonly DnsServer[]
  /** Names of this host, by which it may be an MX. */
  readonly ownNames: readonly string[]
  /** Names of the certificates that it serves. */
  readonly servedNames: readonly string[]
  /** For tests. */
  readonly policyHost?: PolicyHost
}

/** Compares the domain's MX records and what this host serves with its policy. Never throws. */
export async function lookAtDomain(domain: string, view: StsView): Promise<StsLook> {
  const announced = await announcedBy(domain, view.resolvers)
  const mx = await mxOf(domain, view.resolvers)
  const none = { domain, policy: null, mx: typeof mx === 'string' ? [] : mx }
  if (announced === 'none') return { ...none, verdict: 'none', problems: [] }
  const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`
  if (announced !== 'one')
    return {
      ...none,
      verdict: 'failed',
      problems: [{ code: 'STS_RECORD', exchange: null, text: `_mta-sts.${domain} ${announced}.` }],
    }
  const policy = await fetchPolicy(domain, view)
  if (typeof policy === 'string') {
    const text = `The MTA-STS policy of ${domain} is announced and of no use: ${url} ${policy}. Senders go on with the one that they have, if they have one.`
    return { ...none, verdict: 'failed', problems: [{ code: 'STS_POLICY', exchange: null, text }] }
  }
  if (typeof mx === 'string')
    return {
      ...none,
      policy,
      verdict: 'warning',
      problems: [{ code: 'STS_MX', exchange: null, text: `The MX records of ${domain} ${mx}.` }],
    }
  const problems = policy.mode === 'none' ? [] : compare(domain, policy, mx, view)
  const wrong = policy.mode === 'enforce' ? 'failed' : 'warning'
  return { domain, policy, mx, problems, verdict: problems.length === 0 ? 'ok' : wrong }
}

function compare(domain: string, policy: StsPolicy, mx: readonly string[], view: StsView): StsLook['problems'] {
  const does = policy.mode === 'enforce' ? 'do not deliver' : 'would not deliver, once its mode is enforce,'
  const unlisted = mx
    .filter((name) => !policy.mx.some((one) => coversName(one, name)))
    .map((name) => ({
      code: 'STS_MX_UNLISTED',
      exchange: name,
      text: `Senders that honour the MTA-STS policy of ${domain} ${does} to ${name}: the policy does not name it. Add "mx: ${name}" to it, and give _mta-sts.${domain} another id.`,
    }))
  const own = new Set(view.ownNames.map((name) => name.toLowerCase()))
  const uncovered = mx
    .filter((name) => own.has(name) && !view.servedNames.some((one) => coversName(one, name)))
    .map((name) => ({
      code: 'STS_NOT_COVERED',
      exchange: name,
      text: `Senders that honour the MTA-STS policy of ${domain} ${does} to ${name}: no certificate that this host serves is for that name.`,
    }))
  return [...unlisted, ...uncovered]
}

/** `one`: there is one record, as there has to be (RFC 8461 §3.1); another text: what is wrong, the rest of a sentence. */
async function announcedBy(domain: string, resolvers: readonly DnsServer[]): Promise<string> {
  const question = { name: `_mta-sts.${domain}`, type: 'TXT' } as const
  const answer = await askDns(question, resolvers, { isRecursive: true })
  if ('failed' in answer) return `cannot be looked up: ${answer.failed}`
  const records = recordsOf('TXT', answersTo(question, answer.answers)).filter(({ data }) => data.startsWith('v=STSv1'))
  if (records.length === 0) return 'none'
  if (records.length > 1) return 'is there more than once, which senders take for none'
  return /^v=STSv1\s*;(.*;)?\s*id\s*=\s*[A-Za-z0-9]{1,32}\s*(;|$)/.test(records[0]?.data ?? '')
    ? 'one'
    : 'has no id of letters and digits'
}

async function mxOf(domain: string, resolvers: readonly DnsServer[]): Promise<readonly string[] | string> {
  const found = await mailExchanges(domain, resolvers)
  if ('failed' in found) return `cannot be looked up: ${found.failed}`
  return [...new Set(found.map(({ exchange }) => exchange))].filter((name) => name !== '')
}
