import type { CaaRecord } from './record.ts'

/** Who wants a certificate, as CAA records speak of it. */
export interface CaaRequest {
  /** The names by which the CA is meant: `caaIdentities` of an ACME directory. */
  readonly identities: readonly string[]
  readonly isWildcard: boolean
  /** The URL of the ACME account (RFC 8657); null: it is not known yet. */
  readonly accountUri: string | null
  /** The challenge: `dns-01`, `http-01` (RFC 8657). */
  readonly method: string
}

/** Properties that are understood, or say nothing of whether a mail host's CA may issue. */
const known = ['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuevmc', 'issuemail']

/** Why these records (of one name, RFC 8659 §4) refuse the request: the rest of a sentence. Null: they do not. */
export function judgeCaa(records: readonly CaaRecord[], request: CaaRequest): string | null {
  const foreign = records.find(({ isCritical, tag }) => isCritical && !known.includes(tag))
  if (foreign !== undefined) return `have the critical property "${foreign.tag.slice(0, 40)}", which no CA understands`
  const wild = records.filter(({ tag }) => tag === 'issuewild')
  const counted = request.isWildcard && wild.length > 0 ? wild : records.filter(({ tag }) => tag === 'issue')
  if (counted.length === 0) return null
  const ours = counted.map(({ value }) => readIssue(value)).filter((issue) => isOurs(issue, request))
  if (ours.length === 0) return `name other CAs: add one with ${request.identities.join(' or ')}`
  if (ours.some((issue) => issue !== null && suits(issue, request))) return null
  const wanted = request.accountUri === null ? '' : `, accounturi=${request.accountUri}`
  return `name this CA for another account or method: this request has validationmethods=${request.method}${wanted}`
}

interface Issue {
  readonly domain: string
  readonly parameters: readonly (readonly [tag: string, value: string])[]
}

/** RFC 8659 §4.2. Null: it is not written by its grammar, and authorizes nobody. */
function readIssue(value: string): Issue | null {
  const [domain = '', ...rest] = value.split(';').map((part) => part.trim())
  // `;` alone, and one at the end, are written by people.
  const written = rest.filter((part, index) => part !== '' || index < rest.length - 1)
  const parameters = written.map((part) => /^([a-zA-Z0-9][a-zA-Z0-9-]*)\s*=\s*([\x21-\x3a\x3c-\x7e]*)$/.exec(part))
  if (parameters.includes(null)) return null
  return {
    domain: domain.toLowerCase().replace(/\.$/, ''),
    parameters: parameters.map((match) => [match?.[1]?.toLowerCase() ?? '', match?.[2] ?? '']),
  }
}

function isOurs(issue: Issue | null, { identities }: CaaRequest): boolean {
  return issue !== null && identities.some((identity) => identity.toLowerCase() === issue.domain)
}

/** RFC 8657 §3 and §4: each parameter that is there has to be met; `accounturi` twice can be met by nobody. */
function suits({ parameters }: Issue, { accountUri, method }: CaaRequest): boolean {
  const of = (wanted: string): readonly string[] =>
    parameters.filter(([tag]) => tag === wanted).map(([, value]) => value)
  const accounts = of('accounturi')
  const methods = of('validationmethods')
  if (accounts.length > 1 || (accounts.length === 1 && accounts[0] !== accountUri)) return false
  return methods.every((list) => list.split(',').includes(method))
}
