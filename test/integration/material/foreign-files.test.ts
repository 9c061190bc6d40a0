import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { parsePrivateKey } from '../../../src/material/parse-key.ts'
import { makeAuthority } from '../../support/certificates.ts'

const run = promisify(execFile)
const dir = await makeTemporaryFolder('waxseal-foreign-')
t.teardown(() => removeTree(dir))
const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'], keyType: 'rsa' })
await writeFile(join(dir, 'cert.pem'), pair.certificatePem)
await writeFile(join(dir, 'key.pem'), pair.keyPem)

interface Case {
  /** Makes FILE of cert.pem and key.pem, in a shell of the test's own. */
  readonly make: string
  readonly reason: RegExp
}

/** A passphrase is asked for on the terminal: the tests hand it over. */
const passphrase = { WAXSEAL_TEST_PASS: 'secret' }

const certificates: Readonly<Record<string, Case>> = {
  DER: { make: 'openssl x509 -in cert.pem -outform DER -out FILE', reason: /certificate in DER/ },
  'PKCS#7': { make: 'openssl crl2pkcs7 -nocrl -certfile cert.pem -out FILE', reason: /PKCS#7/ },
  'PKCS#7 in DER': {
    make: 'openssl crl2pkcs7 -nocrl -certfile cert.pem -outform DER -out FILE',
    reason: /PKCS#7 in DER/,
  },
  'PKCS#7 between the lines of a certificate': {
    make: "openssl crl2pkcs7 -nocrl -certfile cert.pem | sed 's/PKCS7/CERTIFICATE/' > FILE",
    reason: /PKCS#7 between/,
  },
  'PKCS#12': {
    make: 'openssl pkcs12 -export -in cert.pem -inkey key.pem -passout env:WAXSEAL_TEST_PASS -out FILE',
    reason: /PKCS#12/,
  },
  'UTF-16 with its mark': { make: 'iconv -f UTF-8 -t UTF-16 cert.pem > FILE', reason: /UTF-16/ },
  'UTF-16 without a mark': { make: 'iconv -f UTF-8 -t UTF-16LE cert.pem > FILE', reason: /UTF-16/ },
  'UTF-16 the other way round': { make: 'iconv -f UTF-8 -t UTF-16BE cert.pem > FILE', reason: /UTF-16/ },
  'TRUSTED CERTIFICATE': {
    make: 'openssl x509 -in cert.pem -trustout -addtrust serverAuth -out FILE',
    reason: /TRUSTED CERTIFICATE/,
  },
  'base64 without its lines': { make: 'grep -v -- ----- cert.pem > FILE', reason: /base64 without/ },
  'line ends written out': { make: `awk '{printf "%s\\\\n", $0}' cert.pem > FILE`, reason: /written out/ },
  gzip: { make: 'openssl x509 -in cert.pem -outform DER | gzip > FILE', reason: /gzip/ },
}

const keys: Readonly<Record<string, Case>> = {
  DER: { make: 'openssl pkey -in key.pem -outform DER -out FILE', reason: /private key in DER/ },
  'PKCS#1 in DER': {
    make: 'openssl rsa -in key.pem -traditional -outform DER -out FILE',
    reason: /private key in DER/,
  },
  'PKCS#8 with a passphrase': {
    make: 'openssl pkcs8 -topk8 -in key.pem -passout env:WAXSEAL_TEST_PASS -out FILE',
    reason: /encrypted/,
  },
  'PKCS#8 with a passphrase in DER': {
    make: 'openssl pkcs8 -topk8 -in key.pem -passout env:WAXSEAL_TEST_PASS -outform DER -out FILE',
    reason: /encrypted/,
  },
  'PKCS#1 with a passphrase': {
    make: 'openssl rsa -in key.pem -traditional -aes128 -passout env:WAXSEAL_TEST_PASS -out FILE',
    reason: /encrypted/,
  },
  'PKCS#12': {
    make: 'openssl pkcs12 -export -in cert.pem -inkey key.pem -passout env:WAXSEAL_TEST_PASS -out FILE',
    reason: /PKCS#12/,
  },
  'UTF-16': { make: 'iconv -f UTF-8 -t UTF-16 key.pem > FILE', reason: /UTF-16/ },
  'line ends written out': { make: `awk '{printf "%s\\\\n", $0}' key.pem > FILE`, reason: /written out/ },
  OpenSSH: {
    make: "cp key.pem FILE && chmod 600 FILE && ssh-keygen -q -p -N '' -f FILE",
    reason: /OpenSSH/,
  },
}

const useless: Readonly<Record<string, Case>> = {
  'a request': { make: 'openssl req -new -key key.pem -subj /CN=a -out FILE', reason: /request/ },
  'a request in DER': { make: 'openssl req -new -key key.pem -subj /CN=a -outform DER -out FILE', reason: /request/ },
  'a public key': { make: 'openssl pkey -in key.pem -pubout -out FILE', reason: /public key/ },
  'a public key in DER': { make: 'openssl pkey -in key.pem -pubout -outform DER -out FILE', reason: /public key/ },
  'an RSA public key': { make: 'openssl rsa -in key.pem -RSAPublicKey_out -out FILE', reason: /public key/ },
}

for (const [name, { make, reason }] of Object.entries(certificates)) {
  t.test(`${name} in place of a certificate is named, and the command that is shown makes PEM of it`, async (t) => {
    const { hint } = await refusal(t, make, reason, parseCertificates)

    if (name === 'gzip') return
    t.equal(parseCertificates(await afterHint(hint))[0]?.sha256, pair.sha256)
  })
}

for (const [name, { make, reason }] of Object.entries(keys)) {
  t.test(`${name} in place of a key is named, and the command that is shown makes PEM of it`, async (t) => {
    const { hint } = await refusal(t, make, reason, (bytes) => parsePrivateKey(bytes.toString('latin1')))

    const pem = await afterHint(hint)

    t.equal(parsePrivateKey(pem.toString()).spkiSha256, parsePrivateKey(pair.keyPem).spkiSha256)
  })
}

for (const [name, { make, reason }] of Object.entries(useless)) {
  t.test(`${name} is named, and nothing is promised`, async (t) => {
    await refusal(t, make, reason, parseCertificates)
    await refusal(t, make, reason, (bytes) => parsePrivateKey(bytes.toString('latin1')))
  })
}

async function refusal(
  t: Test,
  make: string,
  reason: RegExp,
  parse: (bytes: Buffer) => unknown,
): Promise<{ readonly hint: string }> {
  await inShell(make)
  const bytes = await readFile(join(dir, 'file'))
  try {
    parse(bytes)
  } catch (error) {
    if (!(error instanceof WaxsealError)) throw error
    t.equal(error.code, 'MATERIAL_INVALID')
    t.match(error.details['reason'], reason)
    return { hint: String(error.details['hint']) }
  }
  throw new Error('it was taken')
}

/** The passphrase takes the way that a pipe has for it. */
async function afterHint(hint: string): Promise<Buffer> {
  const command = hint.replace(/openssl (pkcs12|pkey|pkcs8) /, 'openssl $1 -passin env:WAXSEAL_TEST_PASS ')
  await inShell(command)
  return readFile(join(dir, 'new.pem'))
}

async function inShell(command: string): Promise<void> {
  const line = command.replaceAll('FILE', 'file').replaceAll('NEW.pem', 'new.pem')
  await run('sh', ['-ec', `rm -f new.pem; ${line}`], { cwd: dir, env: { ...process.env, ...passphrase } })
}
