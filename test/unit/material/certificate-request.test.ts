import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { describeError, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { createCertificateRequest } from '../../../src/material/certificate-request.ts'
import { makeKey } from '../../../src/material/make-key.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

t.test('DNS, e-mail and IP names each stand in their own kind', async (t) => {
  const sans = ['*.example.net', 'post+master@example.net', '192.0.2.1', '2001:db8::1', 'xn--bcher-kva.example']

  const text = await readByOpenssl('mail.example.net', sans)

  t.equal(
    /Subject Alternative Name:\s*\n\s*(.+)/.exec(text)?.[1],
    'DNS:mail.example.net, DNS:*.example.net, email:post+master@example.net, IP Address:192.0.2.1, ' +
      'IP Address:2001:DB8:0:0:0:0:0:1, DNS:xn--bcher-kva.example',
  )
  t.match(text, /Subject: CN ?= ?mail\.example\.net\n/)
})

t.test('the request is signed by its P-256 key', async (t) => {
  const text = await readByOpenssl('mail.example.net', [])

  t.match(text, /verify OK/)
  t.match(text, /Signature Algorithm: ecdsa-with-SHA256/)
  t.match(text, /NIST CURVE: P-256/)
})

t.test('a name that is given twice is asked for once', async (t) => {
  const text = await readByOpenssl('mail.example.net', ['mail.example.net', 'a.example', 'a.example', ''])

  t.match(text, /\n\s*DNS:mail\.example\.net, DNS:a\.example\n/)
})

t.test('the first name is the common name where there is none', async (t) => {
  t.match(await readByOpenssl('', ['192.0.2.1']), /Subject: CN ?= ?192\.0\.2\.1\n/)
})

t.test('a name that is none is refused as such', async (t) => {
  const names = [
    'a b.example',
    'mail.example.net\n',
    '-a.example',
    'a..example',
    'a.*.example',
    'a,DNS:b.example',
    `${'a'.repeat(64)}.example`,
    'é.example',
    'é@example.net',
    'a@b@example.net',
    '999.1.1.1',
    '1.2.3',
    ':::',
    '12:30',
    '2001:db8::1::2',
    'https://a.example',
  ]

  for (const name of names) {
    t.same(await refusal('mail.example.net', [name]), ['JOB_MALFORMED', name], JSON.stringify(name))
    t.same(await refusal(name, []), ['JOB_MALFORMED', name], JSON.stringify(name))
  }
})

t.test('a request for no name at all is refused, and so is one for more than a hundred', async (t) => {
  const many = Array.from({ length: 101 }, (_, index) => `a${index}.example`)

  t.same(await refusal('', []), ['JOB_MALFORMED', 0])
  t.same(await refusal('', many), ['JOB_MALFORMED', 101])
  t.match(await readByOpenssl('', many.slice(1)), /verify OK/)
})

t.test('a request is signed by its key, of whatever kind that is', async (t) => {
  const kinds = [
    ['p256', /ecdsa-with-SHA256/, /NIST CURVE: P-256/],
    ['p384', /ecdsa-with-SHA384/, /NIST CURVE: P-384/],
    ['rsa2048', /sha256WithRSAEncryption/, /Public-Key: \(2048 bit\)/],
    ['ed25519', /Signature Algorithm: ED25519/, /ED25519 Public-Key/],
  ] as const
  for (const [kind, signature, key] of kinds) {
    const text = await readByOpenssl('mail.example.net', [], await makeKey(kind))

    t.match(text, /verify OK/, kind)
    t.match(text, signature)
    t.match(text, key)
  }
})

t.test('a key that no CA would certify is refused, and not told', async (t) => {
  const { privateKey: odd } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const pem = odd.export({ type: 'pkcs8', format: 'pem' }).toString()

  await t.rejects(createCertificateRequest({ commonName: 'mail.example.net', sans: [], keyPem: pem }), {
    code: 'MATERIAL_INVALID',
  })
})

/** The request as openssl(1) reads it. */
async function readByOpenssl(commonName: string, sans: readonly string[], pem = keyPem): Promise<string> {
  const input = await createCertificateRequest({ commonName, sans, keyPem: pem })
  const { stdout, stderr } = spawnSync('openssl', ['req', '-text', '-noout', '-verify'], { input, encoding: 'utf8' })
  return stdout + stderr
}

/** Code, and the name or number of names, of the error; no line of the key is in it. */
async function refusal(commonName: string, sans: readonly string[]): Promise<readonly unknown[]> {
  const error: unknown = await createCertificateRequest({ commonName, sans, keyPem }).catch((caught: unknown) => caught)
  if (!(error instanceof WaxsealError)) return [error]
  const told = `${describeError(error)} ${error.stack} ${String(error.cause)}`
  const tellsKey = keyPem.split('\n').some((line) => line.length > 16 && told.includes(line))
  return tellsKey ? ['it tells the key'] : [error.code, error.details['name'] ?? error.details['names']]
}
