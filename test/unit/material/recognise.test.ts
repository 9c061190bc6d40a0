import t from 'tap'
import { recognise } from '../../../src/material/recognise.ts'

t.test('what no tool of the test host makes is known by its first bytes', async (t) => {
  const cases: Readonly<Record<string, RegExp>> = {
    '\xfe\xed\xfe\xed\0\0\0\x02': /Java key store/,
    '\xce\xce\xce\xce\0\0\0\x02': /Java key store/,
    'PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n': /PuTTY/,
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 root@mail\n': /public key of SSH/,
    '<!DOCTYPE html>\n<html><body>Please log in</body></html>': /HTML/,
    '\u{ef}\u{bb}\u{bf}  <html>': /HTML/,
    '{"certificate": "-----BEGIN CERTIFICATE-----\\nMII"}': /JSON/,
    '\xef\xbb\xbf\r\n': /empty/,
    'PK\x03\x04\x14\0': /ZIP/,
    '\x1f\x8b\x08\0': /gzip/,
    '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabc\n-----END PGP PRIVATE KEY BLOCK-----\n': /PGP/,
    '-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n': /written out/,
    'mail.example.net': /no PEM certificate/,
  }

  for (const [text, reason] of Object.entries(cases)) t.match(recognise(text, 'certificate').reason, reason)
})

t.test('a file of the wrong side is told as that', async (t) => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n'

  t.match(recognise(key, 'certificate'), { reason: /private key and no certificate/, hint: /exchanged/ })
  t.match(recognise(key.replaceAll('PRIVATE KEY', 'CERTIFICATE'), 'private key'), { reason: /certificate and no/ })
})

t.test('no byte of a file is in what is said of it', async (t) => {
  const secret = 'c2VjcmV0c2VjcmV0c2VjcmV0'
  const files = ['', '\xff\xfe', '{', '<html>', '-----BEGIN FOO-----\n', 'PuTTY-User-Key-File-2: '].map(
    (start) => `${start}${secret}`,
  )

  for (const file of files)
    for (const wanted of ['certificate', 'private key'] as const)
      t.notMatch(JSON.stringify(recognise(file, wanted)), /c2Vj/)
})
