import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { openControlPlane } from '../../src/control-plane/open-control-plane.ts'
import { register } from '../../src/control-plane/register.ts'
import type { FoundCertificate } from '../../src/documents/discovery.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import { makeAuthority } from '../support/certificates.ts'
import { hostileText, rawCharacter } from '../support/hostile-text.ts'
import { jsonOf, serveControlPlane } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-cli-discovered-')
t.teardown(() => removeTree(dir))
const plane = await serveControlPlane(dir)
t.teardown(() => plane.close())
const { operate, url } = plane
const ca = await readFile(plane.caFile, 'utf8')
const facts = hostFacts('0.0.0')
const { agentId, credential } = await register({ url, ca, credential: await plane.token() }, 'mail-1', facts)
const agent = openControlPlane({ url, ca, agentId, credential: credential ?? '' })
t.teardown(() => agent.close())
const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net', 'imap.example.net'] })
const odd = await authority.issue({ names: ['odd.example.net'] })

t.test('discovered says so where nothing is', async (t) => {
  t.match(await operate('discovered'), { status: 0, stdout: /^No agent has told of a certificate: discovery\.folders/ })
})

t.test('what a host has is listed, those of CAs on request, and nothing in it is obeyed', async (t) => {
  await tell([foundAt('/etc/ssl/mail.pem', pair.certificatePem), foundAt('/etc/ssl/ca.pem', authority.certificatePem)])
  await tell([foundAt(`/etc/${hostileText.replaceAll('\0', '')}`, odd.certificatePem)])

  const { stdout } = await operate('discovered')

  t.match(stdout, /^FINGERPRINT +STATUS +AGENT +ENDS \(UTC\) +NAMES +PATH\n/)
  const short = pair.sha256.slice(0, 16)
  const line = `^${short} +new +mail-1 +20\\S+T\\S+ +mail\\.example\\.net imap\\.example\\.net +/etc/ssl/mail\\.pem$`
  t.match(stdout, new RegExp(line, 'm'))
  t.match(stdout, /bind FINGERPRINT --target TARGET/)
  t.notMatch(stdout, rawCharacter)
  t.notMatch(stdout, /ca\.pem/)
  t.match((await operate('discovered', '--with-cas')).stdout, /ca\.pem/)
  t.match((await operate('discovered', '--wide')).stdout, pair.sha256)
  t.match((await operate('discovered', '--status', 'gone')).stdout, /^There is none of these/)
  t.match(await operate('discovered', '--status', 'gon'), { status: 2, stderr: /Is gone meant\?/ })
})

t.test('bind says when it is renewed, then that it is bound', async (t) => {
  const config = `${dir}/target.json`
  await writeFile(config, '{}')
  await operate('add-target', '--name', 'postfix', '--agent', 'mail-1', '--type', 'Postfix', '--target-config', config)

  t.match(await operate('bind', pair.sha256, '--target', 'postfx'), { status: 1, stderr: /is postfix meant\?/ })
  t.match(await operate('bind', 'nothing', '--target', 'postfix'), { status: 1, stderr: /fingerprint/ })
  const bound = await operate('bind', pair.sha256.slice(0, 8), '--target', 'postfix', '--renew-at', '0.5', '--json')

  t.match(jsonOf(bound), { certificate_id: /^cert-/, job_id: null, next_renewal_at: /^20/ })
  t.match((await operate('discovered', '--status', 'bound')).stdout, /^[0-9a-f]{16} +bound +mail-1 /m)
  t.match((await operate('certificates')).stdout, /^mail\.example\.net +mail-1 +- +20\S+ +at 0\.5 +0 of 1 /m)
})

function tell(certificates: readonly FoundCertificate[]): Promise<void> {
  return agent.reportDiscovery({ folders: ['/etc/ssl'], certificates, gone: [], errors: [], ms: 1 })
}

/** The server reads the rest out of the certificate. */
function foundAt(path: string, pem: string): FoundCertificate {
  const names = { commonName: '', sans: [], serial: '', issuer: '', subject: '', keyAlgorithm: '' }
  const rest = { sha256: '', notBefore: '', notAfter: '', keySize: 0, isCa: false } as const
  return { ...names, ...rest, path, pem, format: 'PEM' }
}
