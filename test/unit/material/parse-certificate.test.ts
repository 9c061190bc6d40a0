import 'reflect-metadata'
import { createHash, webcrypto, X509Certificate } from 'node:crypto'
import {
  type JsonGeneralNames,
  type JsonName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import t from 'tap'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { makeAuthority } from '../../support/certificates.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net', '*.example.net'], ips: ['192.0.2.1', '2001:db8::1'] })
const { certificatePem } = pair

t.test('a certificate is described by what is in it', async (t) => {
  const x509 = new X509Certificate(certificatePem)

  t.match(parseCertificates(certificatePem), [
    {
      subject: 'CN=mail.example.net',
      issuer: 'CN=Waxseal test CA',
      serial: x509.serialNumber.toLowerCase(),
      sha256: pair.sha256,
      spkiSha256: sha256(x509.publicKey.export({ type: 'spki', format: 'der' })),
      notBefore: x509.validFromDate.toISOString(),
      notAfter: x509.validToDate.toISOString(),
      keyType: 'ecdsa',
      isCa: false,
    },
  ])
  t.match(parseCertificates((await authority.issue({ names: ['a.example'], keyType: 'rsa' })).certificatePem), [
    { keyType: 'rsa' },
  ])
  t.match(parseCertificates(authority.certificatePem), [{ isCa: true, names: ['Waxseal test CA'] }])
})

t.test('names are the DNS, IP and e-mail names of subjectAltName', async (t) => {
  const [certificate] = parseCertificates(certificatePem)

  t.same(certificate?.names, ['mail.example.net', '*.example.net', '192.0.2.1', '2001:DB8:0:0:0:0:0:1'])
})

t.test('no name is made up from the inside of another one', async (t) => {
  const pem = await selfSigned(
    [{ CN: ['common.example'] }],
    [
      { type: 'url', value: 'x://a/DNS:url.example' },
      { type: 'url', value: 'x://a, DNS:comma.example' },
      { type: 'dns', value: 'a.example, DNS:b.example' },
      { type: 'email', value: 'post@c.example' },
    ],
  )

  t.same(parseCertificates(pem)[0]?.names, ['a.example, DNS:b.example', 'post@c.example'])
})

t.test('the common name stands in where there is no other', async (t) => {
  t.same(parseCertificates(await selfSigned([{ CN: ['common.example'] }], []))[0]?.names, ['common.example'])
  t.same(parseCertificates(await selfSigned([{ O: ['Example'] }], []))[0]?.names, [])
})

t.test('a file of several keeps its order', async (t) => {
  const file = certificatePem + authority.certificatePem

  t.same(
    parseCertificates(file).map(({ isCa }) => isCa),
    [false, true],
  )
})

t.test('CRLF line ends, text around the PEM and missing final line ends come out as plain PEM', async (t) => {
  const [plain] = parseCertificates(certificatePem)
  const forms = [
    certificatePem.replaceAll('\n', '\r\n'),
    `subject=CN = mail.example.net\r\n\r\n${certificatePem}trailing text`,
    certificatePem.trim(),
    Buffer.from(certificatePem),
    Buffer.from(`\u{feff}${certificatePem}`),
    certificatePem.replaceAll('\n', ' \t\n'),
    certificatePem.replaceAll('\n', '\r'),
    certificatePem.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE'),
    certificatePem.replaceAll(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/])/g, ''),
    `${pair.keyPem}-----BEGIN DH PARAMETERS-----\nMAYCAQUCAQI=\n-----END DH PARAMETERS-----\n${certificatePem}`,
  ]

  for (const form of forms) t.equal(parseCertificates(form)[0]?.pem, plain?.pem)
  t.match(plain?.pem, /^-----BEGIN CERTIFICATE-----\n[^\r]+\n-----END CERTIFICATE-----\n$/)
})

t.test('DER, garbage, an empty file and a torn one are refused', async (t) => {
  const { raw } = new X509Certificate(certificatePem)
  const hello = Buffer.from('hello').toString('base64')

  t.match(reasonOf(''), /empty/)
  t.match(reasonOf(raw), /in DER/)
  t.match(reasonOf(pair.keyPem), /private key and no certificate/)
  t.match(reasonOf(certificatePem.slice(0, 200)), /torn/)
  t.match(reasonOf(certificatePem + certificatePem.slice(0, 200)), /torn/)
  t.match(reasonOf('-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n'), /cannot be read/)
  t.match(reasonOf(`-----BEGIN CERTIFICATE-----\n${hello}\n-----END CERTIFICATE-----\n`), /cannot be read/)
  t.match(reasonOf('-----BEGIN CERTIFICATE-----\n'.repeat(9000)), /torn/, 'in a moment')
})

t.test('a megabyte of garbage and a chain without end are refused', async (t) => {
  t.match(reasonOf('x'.repeat(1024 * 1024)), /larger than/)
  t.match(reasonOf(new Uint8Array(1024 * 1024)), /larger than/)
  t.match(reasonOf(certificatePem.repeat(21)), /more than 20/)
  t.equal(parseCertificates(certificatePem.repeat(20)).length, 20)
})

function reasonOf(pem: string | Uint8Array): unknown {
  try {
    return parseCertificates(pem).length
  } catch (error) {
    return error instanceof WaxsealError && error.code === 'MATERIAL_INVALID' ? error.details['reason'] : error
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

t.test('a name has no control character that reaches a terminal', async (t) => {
  const pem = await selfSigned([{ CN: ['a\u{1b}[2Jb'] }], [{ type: 'dns', value: 'x\u{1b}]0;y\u{7}.example' }])

  const [certificate] = parseCertificates(pem)

  t.same(certificate?.names, ['x\\u{1b}]0;y\\u{7}.example'])
  t.notMatch(certificate?.subject, /\p{C}/u)
})

async function selfSigned(name: JsonName, names: JsonGeneralNames): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)],
  })
  return certificate.toString('pem')
}
