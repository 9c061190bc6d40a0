import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { describeError, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { findPrivateKey, parsePrivateKey } from '../../../src/material/parse-key.ts'
import { makeAuthority } from '../../support/certificates.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pkcs8 = pemOf(privateKey)

t.test('a key is named by the digest of its public half', async (t) => {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })

  const spkiSha256 = createHash('sha256').update(spki).digest('hex')
  t.same(parsePrivateKey(pkcs8), { keyPem: pkcs8, spkiSha256, kind: 'p256' })
})

t.test('every PEM form of one key becomes the same PKCS#8', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const certificate = (await (await makeAuthority()).issue({ names: ['a.example'] })).certificatePem
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
  const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString()

  for (const form of [
    sec1,
    parameters + sec1,
    pkcs8.replaceAll('\n', '\r\n'),
    `Bag Attributes\n    friendlyName: mail\n${pkcs8}`,
    pkcs8.trim(),
    certificate + pkcs8,
  ]) {
    t.equal(parsePrivateKey(form).keyPem, pkcs8)
  }
  t.equal(parsePrivateKey(rsa.export({ type: 'pkcs1', format: 'pem' }).toString()).keyPem, pemOf(rsa))
})

t.test('an encrypted key is refused as encrypted', async (t) => {
  const protection = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const

  t.match(reasonOf(privateKey.export({ type: 'pkcs8', ...protection }).toString()), /encrypted/)
  t.match(reasonOf(privateKey.export({ type: 'sec1', ...protection }).toString()), /encrypted/)
})

t.test('an RSA key of less than 2048 bits is refused with its length', async (t) => {
  t.match(reasonOf(pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)), /1024 bits/)
})

t.test('words of a comment, an attribute or another block make no key encrypted', async (t) => {
  const protection = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const locked = other.export({ type: 'pkcs8', ...protection }).toString()

  for (const form of [
    `Bag Attributes\n    friendlyName: UNENCRYPTED copy, was ENCRYPTED\nKey Attributes: <No Attributes>\n${pkcs8}`,
    `# Proc-Type: 4,ENCRYPTED\n${pkcs8}# DEK-Info: none\n`,
    locked + pkcs8,
  ]) {
    t.equal(parsePrivateKey(form).keyPem, pkcs8)
  }
})

t.test('a BOM, trailing spaces, lines of any length and other line ends change nothing', async (t) => {
  const [first = '', ...rest] = pkcs8.trim().split('\n')
  const body = rest.slice(0, -1).join('')
  const last = rest.at(-1) ?? ''

  for (const form of [
    Buffer.from(`\u{feff}${pkcs8}`).toString('latin1'),
    pkcs8.replaceAll('\n', '  \t\n'),
    pkcs8.replaceAll('\n', '\r'),
    `${first}\n${body}\n${last}`,
    `${first}${body}${last}`,
    `${first}\n${body.replaceAll(/./g, '$&\n')}${last}`,
  ]) {
    t.equal(parsePrivateKey(form).keyPem, pkcs8)
  }
})

t.test('one key twice is one key', async (t) => {
  const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString()

  t.equal(parsePrivateKey(pkcs8 + sec1).keyPem, pkcs8)
})

t.test('two keys in one file are refused, and the one that belongs to a certificate is found', async (t) => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const both = pemOf(other) + pkcs8

  t.match(reasonOf(both), /2 private keys/)
  t.equal(findPrivateKey(both, parsePrivateKey(pkcs8).spkiSha256).keyPem, pkcs8)
  t.equal(findPrivateKey(pkcs8, 'f'.repeat(64)).keyPem, pkcs8, 'the mismatch is told by who compares')
  t.throws(() => findPrivateKey(both, 'f'.repeat(64)), { code: 'MATERIAL_INVALID' })
})

t.test('a file without a key says what it is', async (t) => {
  t.match(reasonOf(''), /empty/)
  t.match(reasonOf(privateKey.export({ type: 'pkcs8', format: 'der' }).toString('latin1')), /private key in DER/)
  t.match(reasonOf(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()), /public key/)
})

t.test('a torn, altered or foreign key and a megabyte of garbage are refused', async (t) => {
  t.match(reasonOf(pkcs8.slice(0, 120)), /torn/)
  t.match(reasonOf(pkcs8.replace(/\n.{20}/, `\n${'A'.repeat(20)}`)), /cannot be read/)
  t.match(reasonOf('-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n'), /cannot be read/)
  t.match(reasonOf('x'.repeat(1024 * 1024)), /larger than/)
  t.match(reasonOf('-----BEGIN PRIVATE KEY-----\n'.repeat(9000)), /torn/, 'in a moment')
})

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The reason that the PEM is refused for; no line of it is in the error, whose cause is left out. */
function reasonOf(pem: string): unknown {
  try {
    return parsePrivateKey(pem).spkiSha256
  } catch (error) {
    if (!(error instanceof WaxsealError) || error.code !== 'MATERIAL_INVALID') return error
    const told = `${describeError(error)} ${error.stack} ${String(error.cause)}`
    const lines = pem.split(/\r?\n/).filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line))
    return lines.some((line) => told.includes(line.slice(0, 16))) ? 'it tells the key' : error.details['reason']
  }
}
