import { readFile } from 'node:fs/promises'
import t from 'tap'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { installedDovecot } from '../../../src/demo/mail-host/dovecot-settings.ts'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { ca, keys, type OddOptions, type OddPair, opensslPki, san } from '../../support/openssl-pki.ts'
import { startWired } from '../connector/wired-host.ts'

const made = await makeTemporaryFolder('waxseal-odd-')
t.teardown(() => removeTree(made))
const make = opensslPki(made)
const root = make({ subject: '/CN=Test Root', extensions: ca })
const issuing = make({ by: root, subject: '/CN=Issuing', extensions: ca })
const outlived = await (await makeAuthority()).intermediate(new Date(Date.now() - 86_400_000))
const weakly = make({ by: root, subject: '/CN=Issuing by SHA-1', extensions: ca, digest: 'sha1' })

/** As make-ssl-cert(8) of Debian makes it: for the bare name of the host, by itself. */
const snakeoil = ((): TestPair => {
  const subject = '/CN=certs'
  const extensions = ['basicConstraints=CA:FALSE', 'subjectAltName=DNS:certs']
  const { certificatePem, keyPem } = make({ subject, extensions, key: keys.rsa, days: 3650 })
  return { certificatePem, keyPem, chainPem: '', sha256: parseCertificates(certificatePem)[0]?.sha256 ?? '' }
})()

const unfit: Readonly<Record<string, TestPair>> = {
  'a certificate for clients': issue({ extensions: [san, 'extendedKeyUsage=clientAuth'] }),
  'a key that may not sign': issue({ extensions: [san, 'keyUsage=keyCertSign'] }),
  'the certificate of a CA': issue({ extensions: [san, 'basicConstraints=critical,CA:TRUE'] }),
  'an SHA-1 signature on the leaf': issue({ digest: 'sha1' }),
  'an SHA-1 signature on the intermediate': issue({ by: weakly }, weakly),
  'a certificate of version 1': issue({ extensions: [] }),
}

for (const [name, start] of [
  ['postfix', startPostfix],
  ['dovecot', startDovecot],
] as const) {
  t.test(`on a real ${name}`, { skip: unlessInstalled(name) }, async (t) => {
    const dir = await makeTemporaryFolder('waxseal-material-')
    const first = issue({})
    const daemon = await start(dir, first)
    t.teardown(async () => {
      await daemon.stop()
      await removeTree(dir)
    })
    const commands = [daemon.check, daemon.reload].map((command) => command.join(' '))
    const engine = await openTestEngine(dir, commands, { dane: 'off' })
    const isRefused = async (code: string, pair: TestPair): Promise<Outcome> => {
      const before = [await filesOf(daemon), await leavesOf(daemon)]
      const outcome = await deployPair(engine, daemon, pair)
      t.match(outcome, { outcome: 'refused', host: 'untouched', code })
      t.same([await filesOf(daemon), await leavesOf(daemon)], before)
      return outcome
    }

    await t.test('the same certificates in both files are deployed, each once', async (t) => {
      const pair = issue({})
      const fullchain = pair.certificatePem + pair.chainPem

      const outcome = await deployPair(engine, daemon, { ...pair, certificatePem: fullchain, chainPem: fullchain })

      t.match(outcome, { outcome: 'deployed', host: 'changed', warnings: [] })
      t.same(new Set(await leavesOf(daemon)), new Set([pair.sha256]))
      t.equal(await readFile(daemon.certPath, 'utf8'), fullchain)
    })

    await t.test('what clients would refuse is refused, and every port serves what it served', async () => {
      for (const pair of Object.values(unfit)) await isRefused('CERTIFICATE_UNFIT', pair)
    })

    await t.test('an expired member of the chain is refused as that, with its name', async (t) => {
      const { message } = await isRefused('CERTIFICATE_EXPIRED', await outlived.issue({ names: ['mail.example.net'] }))

      t.match(message, /an intermediate in the chain \(certificate 2\) has expired.*CN=intermediate/)
    })

    await t.test('a leaf without its chain is refused where the live one has one', async () => {
      await isRefused('CHAIN_MISSING', { ...issue({}), chainPem: '' })
    })

    await t.test('the certificate of another server is refused', async () => {
      const other = issue({ subject: '/CN=www.example.org', extensions: ['subjectAltName=DNS:www.example.org'] })

      await isRefused('NAMES_UNRELATED', other)
    })

    const isServed = name === 'postfix' || (await installedDovecot()) !== '2.3'
    await t.test(
      isServed
        ? 'an SHA-1 leaf that the policy allows is served'
        : 'an SHA-1 leaf that the policy allows stops it, and is rolled back',
      async (t) => {
        const lax = await openTestEngine(dir, commands, { dane: 'off', unfit: 'warn' })
        const before = await leavesOf(daemon)
        const pair = unfit['an SHA-1 signature on the leaf'] ?? first

        const outcome = await deployPair(lax, daemon, pair, { post_deploy_verify_attempts: 2 })

        t.match(outcome, { outcome: isServed ? 'deployed' : 'rolled-back', warnings: [/SHA-1/] })
        t.same(await leavesOf(daemon), isServed ? daemon.ports.map(() => pair.sha256) : before)
      },
    )
  })
}

for (const [name, start] of [
  ['postfix', startPostfix],
  ['dovecot', startDovecot],
] as const) {
  t.test(
    `${name}: the first real pair takes the place of the self-signed one of Debian, without a line of policy`,
    { skip: unlessInstalled(name) },
    async (t) => {
      const dir = await makeTemporaryFolder('waxseal-material-')
      const daemon = await start(dir, snakeoil)
      t.teardown(async () => {
        await daemon.stop()
        await removeTree(dir)
      })
      const engine = await openTestEngine(dir, [daemon.check.join(' '), daemon.reload.join(' ')])
      const pair = issue({})

      const outcome = await deployPair(engine, daemon, pair)

      t.match(outcome, { outcome: 'deployed', host: 'changed', proven: true, code: null })
      t.same(new Set(await leavesOf(daemon)), new Set([pair.sha256]))
    },
  )
}

t.test(
  'postfix: an ECDSA pair in the place of the only RSA pair is refused',
  { skip: unlessInstalled('postfix') },
  async (t) => {
    const key = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
    const [ec, rsa] = [issue({}), issue({ key })]
    const { dir, deploy } = await startWired(t, 'postfix', ec, (folder) => ({
      main: `smtpd_tls_eccert_file = ${folder}/tls/cert.pem\nsmtpd_tls_eckey_file = ${folder}/tls/key.pem\nsmtpd_tls_cert_file = ${folder}/rsa-cert.pem\nsmtpd_tls_key_file = ${folder}/rsa-key.pem\n`,
      files: { 'rsa-cert.pem': rsa.certificatePem + rsa.chainPem, 'rsa-key.pem': rsa.keyPem },
    }))
    const target = { cert_path: `${dir}/rsa-cert.pem`, key_path: `${dir}/rsa-key.pem` }

    t.match(await deploy(issue({}), target), { outcome: 'refused', host: 'untouched', code: 'RSA_KEY_LOST' })
    t.match(await deploy(issue({ key }), target), { outcome: 'deployed', host: 'changed' })
  },
)

function issue(options: Partial<OddOptions>, by: OddPair = issuing): TestPair {
  const { certificatePem, keyPem } = make({ by, ...options })
  const [leaf] = parseCertificates(certificatePem)
  return { certificatePem, keyPem, chainPem: by.certificatePem, sha256: leaf?.sha256 ?? '' }
}
