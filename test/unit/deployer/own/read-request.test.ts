import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { acmeKeyOf } from '../../../../src/acme/acme-key.ts'
import { signJws } from '../../../../src/acme/jws.ts'
import { readRequest } from '../../../../src/deployer/own/read-request.ts'

const directory = 'https://acme.example/directory'
const kid = 'https://acme.example/account/1'
const url = 'https://acme.example/new-order'
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = acmeKeyOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())

t.test('what our own client asks for is read as what it is', async (t) => {
  const by = async (signer: object, payload: object | null) => {
    const { protected: header, payload: text } = await signJws(key, signer as { kid: string }, {
      url,
      nonce: 'n0nce',
      payload,
    })
    return readRequest({ protected: header, payload: text }, directory, key.jwk)
  }
  const identifiers = [{ type: 'dns', value: 'mail.example.net' }]

  t.same(await by({ kid }, null), { kind: 'read' })
  t.same(await by({ kid }, {}), { kind: 'ready' })
  t.same(await by({ jwk: key.jwk }, { onlyReturnExisting: true }), { kind: 'find-account' })
  t.same(await by({ jwk: key.jwk }, { termsOfServiceAgreed: true, contact: ['mailto:a@example.net'] }), {
    kind: 'new-account',
    agreed: true,
    contact: ['mailto:a@example.net'],
  })
  t.same(await by({ kid }, { identifiers, profile: 'shortlived', replaces: 'a.b' }), {
    kind: 'order',
    names: ['mail.example.net'],
    profile: 'shortlived',
    replaces: 'a.b',
  })
  t.same(await by({ kid }, { csr: 'AAAA' }), { kind: 'finalize', csr: 'AAAA' })
})

const header = { alg: 'ES256', kid, nonce: 'n0nce', url }
const otherKey = { ...key.jwk, x: key.jwk.y }
const hostile: readonly (readonly [string, unknown, unknown])[] = [
  ['another server', { ...header, url: 'https://other.example/new-order' }, ''],
  ['another port of it', { ...header, url: 'https://acme.example:8443/' }, ''],
  ['plain HTTP', { ...header, url: 'http://acme.example/' }, ''],
  ['a name before the server', { ...header, url: 'https://acme.example@other.example/' }, ''],
  ['the account of another server', { ...header, kid: 'https://other.example/account/1' }, ''],
  ['another algorithm', { ...header, alg: 'none' }, ''],
  ['a field more', { ...header, crit: ['b64'], b64: false }, ''],
  ['its own URL of keys', { ...header, jku: 'https://other.example/' }, ''],
  ['both signers', { alg: 'ES256', kid, jwk: key.jwk, nonce: 'n', url }, ''],
  ['no signer', { alg: 'ES256', nonce: 'n', url }, ''],
  ['the key of somebody else', { alg: 'ES256', jwk: otherKey, nonce: 'n', url }, { onlyReturnExisting: true }],
  ['fields in another order', { kid, alg: 'ES256', nonce: 'n', url }, ''],
  ['no header at all', 'nothing', ''],
  ['the end of the account', header, { status: 'deactivated' }],
  ['another contact', header, { contact: ['mailto:evil@example.org'] }],
  ['a revocation', header, { certificate: 'AAAA', reason: 1 }],
  ['another key', { alg: 'ES256', jwk: key.jwk, nonce: 'n', url }, { account: kid, oldKey: otherKey }],
  ['a JWS inside', header, { protected: 'AAAA', payload: 'AAAA', signature: 'AAAA' }],
  ['an account by its own URL', header, { termsOfServiceAgreed: true }],
  [
    'an order by the key',
    { alg: 'ES256', jwk: key.jwk, nonce: 'n', url },
    { identifiers: [{ type: 'dns', value: 'a.example' }] },
  ],
  ['a read by the key', { alg: 'ES256', jwk: key.jwk, nonce: 'n', url }, ''],
  ['an address', header, { identifiers: [{ type: 'ip', value: '192.0.2.1' }] }],
  [
    'dates of its own',
    header,
    { identifiers: [{ type: 'dns', value: 'a.example' }], notAfter: '2099-01-01T00:00:00Z' },
  ],
  [
    'a binding to an account',
    { alg: 'ES256', jwk: key.jwk, nonce: 'n', url },
    { termsOfServiceAgreed: true, externalAccountBinding: {} },
  ],
  ['what is no JSON', header, 'AAAA'],
]

for (const [what, head, payload] of hostile) {
  t.test(`not signed: ${what}`, async (t) => {
    const part = (value: unknown): string =>
      typeof value === 'string' ? value : Buffer.from(JSON.stringify(value)).toString('base64url')

    const read = (): unknown => readRequest({ protected: part(head), payload: part(payload) }, directory, key.jwk)

    t.throws(read, { code: 'SIGNING_NOT_ALLOWED' })
  })
}

t.test('not signed: a payload that says a field twice, or is written otherwise than we write it', async (t) => {
  for (const text of ['{"csr":"EVIL","csr":"MADE"}', '{"csr": "MADE"}', '{"c\\u0073r":"MADE"}', '{"csr":"MADE"}\n']) {
    const payload = Buffer.from(text).toString('base64url')
    const read = (): unknown =>
      readRequest({ protected: Buffer.from(JSON.stringify(header)).toString('base64url'), payload }, directory, key.jwk)

    t.throws(read, { code: 'SIGNING_NOT_ALLOWED' }, text)
  }
})

t.test('not signed: a header that says a field twice, or has what another reader reads otherwise', async (t) => {
  const plain = JSON.stringify(header)
  for (const text of [
    plain.replace('"url":', '"url":"https://other.example/","url":'),
    plain.replace('{', '{ '),
    plain.replace('acme', '\\u0061cme'),
    `${plain} `,
  ]) {
    const read = (): unknown =>
      readRequest({ protected: Buffer.from(text).toString('base64url'), payload: '' }, directory, key.jwk)

    t.throws(read, { code: 'SIGNING_NOT_ALLOWED' }, text)
  }
})
