import t from 'tap'
import { judgeCaa } from '../../../src/dns/judge-caa.ts'

const account = 'https://ca.example/acct/1'
const request = { identities: ['ca.example'], isWildcard: false, accountUri: account, method: 'dns-01' }

function caa(tag: string, value: string, isCritical = false): { tag: string; value: string; isCritical: boolean } {
  return { tag, value, isCritical }
}

t.test('no records, and records that say nothing of who may issue, let every CA issue', async (t) => {
  t.equal(judgeCaa([], request), null)
  t.equal(judgeCaa([caa('iodef', 'mailto:a@example.org')], request), null)
  t.equal(judgeCaa([caa('issuewild', ';')], request), null, 'issuewild says nothing of other names')
})

t.test('the CA has to be named, in any case of letters', async (t) => {
  t.equal(judgeCaa([caa('issue', 'other.example'), caa('issue', 'CA.example')], request), null)
  t.match(judgeCaa([caa('issue', 'other.example')], request), /name other CAs: add one with ca\.example/)
  t.match(judgeCaa([caa('issue', ';')], request), /name other CAs/)
  t.match(judgeCaa([caa('issue', '')], request), /name other CAs/)
})

t.test('issuewild counts instead of issue for a wildcard, and issue where there is none', async (t) => {
  const wildcard = { ...request, isWildcard: true }

  t.equal(judgeCaa([caa('issue', 'ca.example')], wildcard), null)
  t.match(judgeCaa([caa('issue', 'ca.example'), caa('issuewild', ';')], wildcard), /name other CAs/)
  t.equal(judgeCaa([caa('issue', ';'), caa('issuewild', 'ca.example')], wildcard), null)
})

t.test('a critical property that nobody knows refuses everything', async (t) => {
  t.match(judgeCaa([caa('issue', 'ca.example'), caa('tbs', 'x', true)], request), /critical property "tbs"/)
  t.equal(judgeCaa([caa('issue', 'ca.example'), caa('tbs', 'x')], request), null)
})

t.test('accounturi and validationmethods have to be met (RFC 8657)', async (t) => {
  const of = (parameters: string): string | null => judgeCaa([caa('issue', `ca.example; ${parameters}`)], request)

  t.equal(of(`accounturi=${account}`), null)
  t.match(of('accounturi=https://ca.example/acct/2'), /another account or method/)
  t.match(of(`accounturi=${account}; accounturi=${account}`), /another account/)
  t.equal(of('validationmethods=http-01,dns-01'), null)
  t.match(of('validationmethods=http-01'), /another account or method: this request has validationmethods=dns-01/)
  t.match(
    judgeCaa([caa('issue', `ca.example; accounturi=${account}`)], { ...request, accountUri: null }),
    /another account/,
  )
  t.equal(of('policy=ev'), null, 'a parameter that is not known is the business of the CA')
  t.equal(of(''), null, 'a semicolon at the end is written by people')
})

t.test('a value that is not written by the grammar authorizes nobody', async (t) => {
  for (const value of ['ca.example; accounturi', 'ca.example; a b=c', 'ca.example other.example', 'ca.example; =x'])
    t.match(judgeCaa([caa('issue', value)], request), /name other CAs/, value)
})
