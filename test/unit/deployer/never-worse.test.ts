import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deploy } from '../../../src/deployer/deploy.ts'
import { deployAgain } from '../../../src/deployer/deploy-again.ts'
import type { DeployRequest } from '../../../src/deployer/propose/deploy-request.ts'
import { parseRoots } from '../../../src/material/trusted-by.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'

const day = 86_400_000
const root = await makeAuthority('A root of the system')
const authority = await root.intermediate()
const names = ['mail.example.net']
const good = await authority.issue({ names })
const own = await (await (await makeAuthority('A private CA')).intermediate()).issue({ names })
const old = await authority.issue({
  names,
  notBefore: new Date(Date.now() - 30 * day),
  notAfter: new Date(Date.now() + 30 * day),
})

t.test(
  'a job with a certificate that clients trust less, or with an old one, is refused, and all is as it was',
  async (t) => {
    const { run, live } = await open(t)
    t.match(await run(good, { job: 'job-1' }), { outcome: 'deployed' })

    t.match(await run(own, { job: 'job-2' }), { outcome: 'refused', host: 'untouched', code: 'TRUST_LOST' })
    t.match(await run(old, { job: 'job-3' }), { outcome: 'refused', host: 'untouched', code: 'CERTIFICATE_OLDER' })
    t.equal(await live(), good.certificatePem + good.chainPem)
  },
)

t.test("root's own word, and a pair that was live here, are held to neither", async (t) => {
  const { engine, run } = await open(t)
  for (const pair of [old, good]) t.match(await run(pair), { outcome: 'deployed' })

  const back = await deployAgain('target', {}, engine, () => {})
  t.match(back, { outcome: 'deployed', certificate: { sha256: old.sha256 } })
  t.match(back.warnings.join(' '), /older than the live one/)
  t.match(await run(good), { outcome: 'deployed' })
  const forced = await run(own, { force: true })
  t.match(forced, { outcome: 'deployed' })
  t.match(forced.warnings.join(' '), /refuse the new one/)
  t.match(await run(old), { outcome: 'deployed' }, 'it is no worse than that of a private CA')
})

async function open(t: Test) {
  const dir = t.testdir()
  const engine = { ...(await openTestEngine(dir, ['true'])), trustedRoots: () => parseRoots([root.certificatePem]) }
  const paths = { cert_path: join(dir, 'cert.pem'), key_path: join(dir, 'key.pem') }
  const config = { ...paths, validate_command: 'true', reload_command: 'true', endpoints: [] }
  const run = (
    { certificatePem, chainPem, keyPem }: TestPair,
    changes: Partial<DeployRequest> = {},
  ): Promise<Outcome> =>
    deploy(
      {
        target: 'target',
        connector: 'postfix',
        config,
        certificatePem,
        chainPem,
        findKey: async () => keyPem,
        ...changes,
      },
      engine,
    )
  return { engine, run, live: () => readFile(paths.cert_path, 'utf8') }
}
