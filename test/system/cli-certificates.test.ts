import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openControlPlane } from '../../src/control-plane/open-control-plane.ts'
import { register } from '../../src/control-plane/register.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import { newCsr } from '../support/csr.ts'
import { jsonOf, serveControlPlane } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-cli-certificates-')
t.teardown(() => removeTree(dir))
const plane = await serveControlPlane(dir)
t.teardown(() => plane.close())
const { operate, url } = plane
const ca = await readFile(plane.caFile, 'utf8')
const { agentId, credential } = await register(
  { url, ca, credential: await plane.token() },
  'mail-1',
  hostFacts('0.0.0'),
)
const agent = openControlPlane({ url, ca, agentId, credential: credential ?? '' })
t.teardown(() => agent.close())

type Ids = Readonly<Record<string, string>>

t.test('certificates says so where there is none', async (t) => {
  t.match(await operate('certificates'), { status: 0, stdout: /^There is no certificate yet/ })
  t.same(jsonOf(await operate('certificates', '--json')), [])
})

t.test(
  'certificates shows what waits for an agent, then the end, the next renewal, and the ids on request',
  async (t) => {
    const requested = await operate('request', '--agent', 'mail-1', '--cn', 'mail.example.net', '--json')
    const { certificate_id: id = '' } = jsonOf<Ids>(requested)
    t.match(
      (await operate('certificates')).stdout,
      /^mail\.example\.net +mail-1 +- +now: waits for its agent +- +- +- +-$/m,
    )

    await agent.submitCsr(id, await newCsr())

    const { stdout } = await operate('certificates')
    t.match(stdout, /^CERTIFICATE +AGENT +ENDS \(UTC\) +NEXT RENEWAL \(UTC\) +POLICY +DEPLOYED +PROVEN +LAST ERROR\n/)
    t.match(stdout, /^mail\.example\.net +mail-1 +20\S+T\S+ +20\S+T\S+ +- +- +- +-$/m)
    t.notMatch(stdout, id)
    t.match(
      (await operate('certificates', '--wide', '--limit', '1')).stdout,
      new RegExp(` ${id}\n\n.*--after ${id}\n$`),
    )
    t.match((await operate('certificates', '--after', id)).stdout, /^There is none of these; without --status/)
  },
)

t.test('policy changes how a certificate is renewed, shows it, and refuses what is not known', async (t) => {
  t.match(await operate('policy', 'mail.example.net', '--renew-at', '0.5', '--issuer', 'local'), {
    status: 0,
    stdout: /renew_share=0\.5 {2}issuers=\["local"\] {2}key_policy=rotate\n$/,
  })
  t.match(jsonOf(await operate('policy', 'mail.example.net', '--json')), { renew_share: 0.5, issuers: ['local'] })
  t.match((await operate('certificates')).stdout, /^mail\.example\.net .* at 0\.5, local +- +- +-$/m)
  t.equal(
    (await operate('issuers')).stdout,
    'ISSUER  KIND   ORDER  ACCOUNT  LAST ANSWER (UTC)  LAST FAILURE (UTC)\n' +
      'local   local  1      -        -                  -\n',
  )

  t.match(await operate('policy', 'mail.example.net', '--issuer', 'locl'), { status: 1, stderr: /is local meant\?/ })
  for (const share of ['0.9', '50%', '1'])
    t.match(await operate('policy', 'mail.example.net', '--renew-at', share), { status: 2, stderr: /0\.1 to 0\.8/ })
  t.match(await operate('policy', 'mail.example.net', '--key', 'reus'), { status: 2, stderr: /Is reuse meant\?/ })
  const again = await operate('policy', 'mail.example.net', '--renew-at', 'default', '--any-issuer', '--json')
  t.match(jsonOf(again), { renew_share: null, issuers: [] })
})

t.test('renew begins a renewal at once, and not a second one beside it', async (t) => {
  t.match(await operate('renew', 'mail.example.net'), {
    status: 0,
    stdout: /^certificate_id=cert-\w+ {2}job_id=job-\w+\n$/,
  })
  const refused = { status: 1, stdout: '', stderr: /CONTROL_PLANE_REFUSED/ }
  t.match(await operate('renew', 'mail.example.net'), refused)
  t.match(await operate('renew', 'mail.example.nt', '--json'), { ...refused, stderr: /is mail\.example\.net meant\?/ })
})

t.test('revoke tells the serials that are good for nothing now, and the job that makes a new key', async (t) => {
  const revoked = jsonOf<{ readonly serials: readonly string[]; readonly job_id: string }>(
    await operate('revoke', 'mail.example.net', '--json'),
  )

  t.match(revoked, { serials: [/^[0-9A-F]+$/i], job_id: /^job-/ })
  t.match((await operate('certificates')).stdout, /revoked, now: waits for its agent/)
  t.match(await operate('revoke', 'nothing'), { status: 1, stdout: '', stderr: /there is no such certificate/ })
})
