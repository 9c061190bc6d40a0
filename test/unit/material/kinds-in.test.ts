import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kindsIn } from '../../../src/material/kinds-in.ts'
import { makeAuthority } from '../../support/certificates.ts'

const { certificatePem, keyPem, chainPem } = await (await makeAuthority()).issue({ names: ['mail.example.net'] })

t.test('what openssl writes is known by what it is, its remarks included', async (t) => {
  const dir = t.testdir({ 'cert.pem': certificatePem, 'key.pem': keyPem })
  const openssl = (...args: readonly string[]): void =>
    void execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
  openssl('x509', '-in', 'cert.pem', '-text', '-out', 'text.pem')
  openssl('x509', '-in', 'cert.pem', '-outform', 'DER', '-out', 'cert.der')
  openssl('pkey', '-in', 'key.pem', '-outform', 'DER', '-out', 'key.der')
  openssl('pkey', '-in', 'key.pem', '-text', '-out', 'key-text.pem')
  openssl('pkey', '-in', 'key.pem', '-aes256', '-passout', 'pass:x', '-out', 'secret.pem')
  openssl('ec', '-in', 'key.pem', '-out', 'sec1.pem')
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-out', 'with-parameters.pem')
  openssl('pkcs12', '-export', '-in', 'cert.pem', '-inkey', 'key.pem', '-passout', 'pass:x', '-out', 'both.p12')
  openssl('pkcs12', '-in', 'both.p12', '-passin', 'pass:x', '-nodes', '-out', 'bags.pem')
  openssl('req', '-new', '-key', 'key.pem', '-subj', '/CN=mail', '-text', '-out', 'mail.csr')
  openssl('dhparam', '-text', '-dsaparam', '-out', 'dh.pem', '1024')
  const files: Readonly<Record<string, readonly string[]>> = {
    'text.pem': ['certificate'],
    'cert.der': ['certificate'],
    'key.der': ['key'],
    'key-text.pem': ['key'],
    'secret.pem': ['key'],
    'sec1.pem': ['key'],
    'with-parameters.pem': ['beside', 'key'],
    'both.p12': ['store'],
    'bags.pem': ['certificate', 'key'],
    'mail.csr': ['beside'],
    'dh.pem': ['beside'],
  }

  for (const [name, kinds] of Object.entries(files))
    t.same([...kindsIn(readFileSync(join(dir, name)))].toSorted(), kinds, name)
})

t.test('a key in DER is one whatever its last octets are, and with white space behind it', async (t) => {
  const blanks = [' ', '\t', '\n', '\v', '\f', '\r', '\xa0', '\xff']
  const found = new Set<string>()
  const wrong: string[] = []
  for (let tries = 0; found.size < blanks.length && tries < 50_000; tries += 1) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const der = privateKey.export({ type: 'pkcs8', format: 'der' })
    const last = der.toString('latin1').slice(-1)
    if (!blanks.includes(last) || found.has(last)) continue
    found.add(last)
    for (const behind of ['', '\n', '\r\n  '])
      if (!kindsIn(Buffer.concat([der, Buffer.from(behind)])).has('key')) wrong.push(JSON.stringify(last + behind))
    t.same([...kindsIn(Buffer.concat([der, Buffer.from('x')]))], [], 'something else follows')
  }

  t.equal(found.size, blanks.length)
  t.same(wrong, [])
})

t.test('headings, comments and white space around the blocks are no other thing', async (t) => {
  const texts = [
    `\r\n${certificatePem.replaceAll('\n', '\r\n')}\n\n`,
    `\u{feff}# mail.example.net, by hand\n${certificatePem}`,
    `GlobalSign Root CA\n==================\n${certificatePem}\nAmazon Root CA 1 (2038)\n---\n${chainPem}`,
    `subject=CN = mail\nissuer=CN = A CA\n${certificatePem}`,
  ]

  for (const text of texts) t.same([...kindsIn(Buffer.from(text))], ['certificate'], text.slice(0, 40))
})

t.test('a file with a certificate in it that is something else holds no certificate material', async (t) => {
  const others: Readonly<Record<string, string>> = {
    'a script': `#!/bin/sh\ncat <<EOF\n${certificatePem}EOF\n`,
    'a script of remarks alone': `#!/bin/sh\n# nothing\n${certificatePem}`,
    'settings of Dovecot': `ssl = required\nssl_cert = ${certificatePem}`,
    'settings of nginx': `server {\n  listen 443 ssl;\n}\n# ${certificatePem}`,
    'a profile of OpenVPN': `client\n<ca>\n${certificatePem}</ca>\n`,
    'a manifest': `apiVersion: v1\nkind: Secret\n${certificatePem}`,
    'a table': 'postmaster@example.net bob\n',
    'a message': `From: bob\nSubject: the certificate\n\n${certificatePem}`,
    'a torn certificate': certificatePem.slice(0, 200),
    'a key of SSH': keyPem.replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY'),
    'a key of PGP': '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabcd\n-----END PGP PRIVATE KEY BLOCK-----\n',
    'no base64': '-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n',
    nothing: '',
  }

  for (const [what, text] of Object.entries(others)) t.same([...kindsIn(Buffer.from(text))], [], what)
})

t.test('a long file is looked at in a time that grows with its length alone', async (t) => {
  for (const part of ['-----BEGIN CERTIFICATE-----\n', '-----BEGIN A-----', ' ', '-', 'a ', '\n'])
    t.same([...kindsIn(Buffer.from(part.repeat(1024 * 1024).slice(0, 1024 * 1024)))], [], JSON.stringify(part))
})
