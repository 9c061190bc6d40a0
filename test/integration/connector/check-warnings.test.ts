import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { checkWarnings } from '../../../src/deployer/transaction/check-warnings.ts'
import { freePorts, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { runCommand } from '../../../src/host/process/command.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import type { PlannedFile } from '../../../src/plan/plan.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { ca, opensslPki } from '../../support/openssl-pki.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { startHaproxy } from '../../support/web-daemons.ts'

const timeoutMs = 60_000

t.test(
  'HAProxy exits with 0 over a PEM whose DH parameters it does not take, and its warning is told',
  { skip: unlessInstalled('haproxy', 'openssl') },
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-warnings-')
    t.teardown(() => removeTree(dir))
    const { certificatePem, chainPem, keyPem } = await (await makeAuthority()).issue({ names: ['www.example.net'] })
    const weak = await runCommand(['openssl', 'dhparam', '512'], { timeoutMs })
    const [pem, config] = [join(dir, 'site.pem'), join(dir, 'haproxy.cfg')]
    const [port] = await freePorts(1)
    await writeText(pem, certificatePem + chainPem + keyPem + weak.stdout, 0o600)
    await writeText(
      config,
      `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend https
  bind 127.0.0.1:${port} ssl crt ${pem}
`,
    )

    const check = await runCommand(['haproxy', '-c', '-f', config], { timeoutMs })

    t.equal(check.exitCode, 0)
    t.match(checkWarnings([check], [], { files: [{ path: pem } as PlannedFile] }), {
      warnings: [/^haproxy takes the new files and warns/],
      printed: [new RegExp(`DH parameter specified in '${pem}'`)],
    })
    t.match(checkWarnings([check], [], { files: [{ path: `${pem}.old` } as PlannedFile] }), {
      warnings: [],
      printed: [],
    })
  },
)

t.test(
  'an OCSP response of the old leaf, which HAProxy leaves out from now on, is a warning of the deployment, and its text stays on the host',
  { skip: unlessInstalled('haproxy', 'openssl') },
  async (t) => {
    const dir = await makeTemporaryFolder('waxseal-warnings-')
    const { first, second, third, signOcsp } = await ocspPki(dir)
    const daemon = await startHaproxy('master_socket')(dir, first)
    t.teardown(async () => {
      await daemon.stop()
      await removeWhenQuiet(dir)
    })
    await signOcsp(join(dir, 'site.pem.ocsp'))
    const engine = await openTestEngine(dir, daemon.commands)
    const deployPair = ({ certificatePem, chainPem, keyPem }: TestPair): Promise<Outcome> =>
      deploy(
        {
          target: 'site',
          connector: 'haproxy',
          config: { ...daemon.target, endpoints: [`127.0.0.1:${daemon.port}`] },
          certificatePem,
          chainPem,
          findKey: async () => keyPem,
        },
        engine,
      )

    const outcome = await deployPair(second)

    t.match(outcome, { outcome: 'deployed', proven: true, printed: [/OCSP.*Certificate ID does not match/] })
    t.ok(outcome.warnings.some((warning) => warning.startsWith('haproxy takes the new files and warns')))
    t.notMatch(outcome.warnings.join(' '), /OCSP/)
    const again = await deployPair(third)
    t.match(again, { outcome: 'deployed' })
    t.notOk(
      again.warnings.some((warning) => warning.startsWith('haproxy takes')),
      'it was there before',
    )
  },
)

/** Three pairs of one CA, and the OCSP response of the first. */
async function ocspPki(dir: string) {
  const make = opensslPki(dir)
  const root = make({ extensions: ca, subject: '/CN=root' })
  const issuer = make({ by: root, extensions: ca, subject: '/CN=issuer' })
  const pairs = [1, 2, 3].map(() => {
    const { certificatePem, keyPem, id } = make({ by: issuer })
    const { fingerprint256, serialNumber } = new X509Certificate(certificatePem)
    const sha256 = fingerprint256.replaceAll(':', '').toLowerCase()
    return { certificatePem, keyPem, chainPem: issuer.certificatePem, sha256, id, serialNumber }
  })
  const [first, second, third] = pairs
  if (first === undefined || second === undefined || third === undefined) throw new Error('no pairs')
  const signOcsp = async (file: string): Promise<void> => {
    const index = join(dir, 'index')
    await writeText(index, `V\t361231000000Z\t\t${first.serialNumber}\tunknown\t/CN=mail.example.net\n`)
    const by = [join(dir, `${issuer.id}.pem`), join(dir, `${issuer.id}.key`)] as const
    const signer = ['-rsigner', by[0], '-rkey', by[1], '-CA', by[0], '-issuer', by[0]]
    await runOrThrow([
      'openssl',
      'ocsp',
      '-index',
      index,
      ...signer,
      '-cert',
      join(dir, `${first.id}.pem`),
      '-respout',
      file,
      '-ndays',
      '5',
    ])
  }
  return { first, second, third, signOcsp }
}
