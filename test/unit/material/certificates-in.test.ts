import { createPrivateKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import { certificatesIn } from '../../../src/material/certificates-in.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { keys, opensslPki, san } from '../../support/openssl-pki.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net', 'imap.example.net'], ips: ['192.0.2.1'] })
const other = await authority.issue({ names: ['www.example.net'], keyType: 'rsa' })
const der = new X509Certificate(pair.certificatePem).raw
const keyDer = createPrivateKey(pair.keyPem).export({ type: 'pkcs8', format: 'der' })

t.test('certificates of a bundle are found, whatever else is in it', async (t) => {
  const crlf = other.certificatePem.replaceAll('\n', '\r\n')
  const text = `# a remark\n${pair.keyPem}\n${pair.certificatePem}subject=x\n${crlf}-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n`

  const { certificates, unreadable } = certificatesIn(Buffer.from(text))

  t.equal(unreadable, 0)
  t.match(certificates, [
    {
      format: 'PEM',
      commonName: 'mail.example.net',
      hasSans: true,
      keyAlgorithm: 'ECDSA',
      keySize: 256,
      certificate: { sha256: pair.sha256, names: ['mail.example.net', 'imap.example.net', '192.0.2.1'] },
    },
    { commonName: 'www.example.net', keyAlgorithm: 'RSA', keySize: 2048 },
  ])
})

t.test('a certificate in DER is found, and what else begins as DER does is none', async (t) => {
  t.match(certificatesIn(der), { certificates: [{ format: 'DER', certificate: { sha256: pair.sha256 } }] })
  t.same(certificatesIn(keyDer), { certificates: [], unreadable: 0 })
  t.same(certificatesIn(Buffer.from([0x30])), { certificates: [], unreadable: 0 })
  t.same(certificatesIn(Buffer.alloc(0)), { certificates: [], unreadable: 0 })
})

t.test('no byte of a key comes with a certificate, wherever somebody has put it', async (t) => {
  const block = (label: string, bytes: Uint8Array): string =>
    `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64')}\n-----END ${label}-----\n`
  const hidden: readonly (readonly [string, Buffer])[] = [
    ['a key that says it is a certificate', Buffer.from(block('CERTIFICATE', keyDer))],
    ['behind the certificate, in its block', Buffer.from(block('CERTIFICATE', Buffer.concat([der, keyDer])))],
    ['behind the certificate, in DER', Buffer.concat([der, keyDer])],
    [
      'where a trusted certificate has its settings',
      Buffer.from(block('TRUSTED CERTIFICATE', Buffer.concat([der, keyDer]))),
    ],
    [
      'in a block that is not ended',
      Buffer.from(`-----BEGIN CERTIFICATE-----\n${pair.keyPem}-----END CERTIFICATE-----\n`),
    ],
    [
      'as a header of the block',
      Buffer.from(pair.certificatePem.replace('\n', `\nComment: ${keyDer.toString('base64')}\n\n`)),
    ],
  ]
  for (const [what, bytes] of hidden) {
    const said = JSON.stringify(certificatesIn(bytes))
    const raw = Buffer.from(JSON.parse(said).certificates[0]?.certificate.der.data ?? [])

    for (const encoding of ['base64', 'hex', 'latin1'] as const)
      t.notOk(said.includes(keyDer.subarray(40, 64).toString(encoding)), `${what}: ${encoding}`)
    t.notOk(raw.includes(keyDer.subarray(40, 64)), what)
    t.ok(raw.length === 0 || raw.equals(der), `${what}: the certificate and nothing else`)
  }
})

t.test('what says it is a certificate and is none is counted, and hides no other', async (t) => {
  const torn = pair.certificatePem.slice(0, 200)
  const text = `${torn}\n${other.certificatePem}-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n${torn}`

  const { certificates, unreadable } = certificatesIn(Buffer.from(text))

  t.equal(certificates.length, 1)
  t.equal(unreadable, 3)
})

t.test('a file of a megabyte of beginnings is read once, not once for each of them', async (t) => {
  const bytes = Buffer.from('-----BEGIN CERTIFICATE-----\n'.repeat(37_000))

  t.match(
    certificatesIn(bytes),
    { certificates: [], unreadable: 1000 },
    'and no further than there is something to say',
  )
})

t.test('each type of key has its name and size, one on a curve that nobody uses too', async (t) => {
  const make = opensslPki(t.testdir({}))
  const said = (['rsa', 'koblitz', 'brainpool', 'pss', 'ed25519'] as const).map((name) => {
    const { certificatePem } = make({ key: keys[name], extensions: [san] })
    const [one] = certificatesIn(Buffer.from(certificatePem)).certificates
    return [one?.keyAlgorithm, one?.keySize]
  })

  t.same(said, [
    ['RSA', 2048],
    ['ECDSA', 256],
    ['ECDSA', 256],
    ['RSA', 2048],
    ['Ed25519', 256],
  ])
})

t.test('a common name is what stands behind CN=, whatever is around it', async (t) => {
  const make = opensslPki(t.testdir({}))
  const said = ['/O=Example, Inc./CN=mail.example.net/OU=Post', '/O=nobody', '/CN=Mail, the server'].map((subject) => {
    const { certificatePem } = make({ subject, extensions: [san] })
    return certificatesIn(Buffer.from(certificatePem)).certificates[0]?.commonName
  })

  t.same(said, ['mail.example.net', '', 'Mail, the server'])
})
