import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { deployAgain } from '../../../src/deployer/deploy-again.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { openEngine } from '../../../src/deployer/open-engine.ts'
import { systemClock } from '../../../src/host/clock.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { ca, opensslPki, san } from '../../support/openssl-pki.ts'

const authority = await makeAuthority()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })

t.test('the pair before the live one is deployed again, with all the steps, and is the newest then', async (t) => {
  const { engine, first, again, run, live } = await open(t)
  await run(first)
  await run(await issue())

  const outcome = await again()

  t.match(outcome, { outcome: 'deployed', host: 'changed', certificate: { sha256: first.sha256 } })
  t.ok(outcome.steps.some(({ name }) => name === 'activate'))
  t.equal(await live(), first.certificatePem + first.keyPem)
  t.same(
    (await engine.archive.list('target')).map(({ generation }) => generation),
    [3, 2, 1],
  )
})

t.test('twice in a row comes back to where it was', async (t) => {
  const { first, again, run, live } = await open(t)
  const second = await issue()
  await run(first)
  await run(second)

  await again()
  await again()

  t.equal(await live(), second.certificatePem + second.keyPem)
})

t.test('any pair that is kept can be named', async (t) => {
  const { first, again, run, live } = await open(t)
  for (const pair of [first, await issue(), await issue()]) await run(pair)

  t.match(await again(1), { outcome: 'deployed' })

  t.equal(await live(), first.certificatePem + first.keyPem)
})

t.test('a found pair that would be refused today is kept all the same, and gone back to', async (t) => {
  const { dir, first, again, run, live } = await open(t)
  const odd = opensslPki(dir)
  const found = odd({
    by: odd({ subject: '/CN=Test Root', extensions: ca }),
    extensions: [san, 'extendedKeyUsage=clientAuth'],
  })
  await writeFile(join(dir, 'cert.pem'), `# UNENCRYPTED\n${found.certificatePem}${found.certificatePem}`)
  await writeFile(join(dir, 'key.pem'), found.keyPem)
  await run(first)

  t.match(await again(), { outcome: 'deployed', warnings: [/clientAuth/] })

  t.equal(await live(), found.certificatePem + found.keyPem)
})

t.test('what somebody else had put there is kept below the first deployment', async (t) => {
  const { dir, engine, first, again, run, live } = await open(t)
  const found = await issue()
  await writeFile(join(dir, 'cert.pem'), found.certificatePem)
  await writeFile(join(dir, 'key.pem'), found.keyPem)
  await run(first)

  t.match(await again(), { outcome: 'deployed', certificate: { sha256: found.sha256 } })

  t.same((await live()).replaceAll(/\s/g, ''), (found.certificatePem + found.keyPem).replaceAll(/\s/g, ''))
  t.same(
    (await engine.archive.list('target')).map(({ sha256 }) => sha256),
    [found.sha256, first.sha256, found.sha256],
  )
})

t.test('files that were in place already are kept once, not as found and as deployed', async (t) => {
  const { dir, engine, first, run } = await open(t)
  await writeFile(join(dir, 'cert.pem'), first.certificatePem)
  await writeFile(join(dir, 'key.pem'), first.keyPem)

  await run(first)

  t.match(await engine.archive.list('target'), [{ generation: 1, sha256: first.sha256 }])
  t.equal((await engine.archive.list('target')).length, 1)
})

t.test('a target that nothing is kept of is refused', async (t) => {
  const { engine, first, run } = await open(t)
  await run(first)

  const refused = deployAgain('nobody', {}, engine, () => {})

  await t.rejects(refused, { code: 'GENERATION_UNKNOWN', details: { target: 'nobody', generations: [] } })
})

t.test('a generation that there is not, and none at all, are refused with those that there are', async (t) => {
  const { first, again, run } = await open(t)
  await run(first)

  for (const generation of [7, null])
    await t.rejects(again(generation), { code: 'GENERATION_UNKNOWN', details: { generations: ['1'] } }, `${generation}`)
})

t.test('a target that keeps none cannot be rolled back, and no key stays', async (t) => {
  const { engine, first, again, run } = await open(t)
  await run(first)
  await run(await issue(), { backup_retention: -1 })

  await t.rejects(again(), { code: 'GENERATION_UNKNOWN', details: { reason: /no pair of it is kept/ } })
  t.same(await engine.archive.targets(), [])
})

t.test('an older pair is held against the policy of today', async (t) => {
  const { dir, first, run, live } = await open(t)
  const second = await issue()
  await run(first)
  await run(second)
  const file = join(dir, 'narrow.yaml')
  await writeFile(file, JSON.stringify({ state_dir: join(dir, 'state'), policy: { roots: ['/etc/postfix'] } }))
  const narrow = await openEngine(await loadConfig({ file, env: {} }), systemClock)

  t.match(await deployAgain('target', {}, narrow, () => {}), { outcome: 'refused', host: 'untouched' })

  t.equal(await live(), second.certificatePem + second.keyPem)
})

t.test('an older pair that is expired by now is refused, and the live one stays', async (t) => {
  const { engine, first, run, live } = await open(t)
  await run(first)
  const clock = { ...systemClock, now: () => Date.now() + 100 * 86_400_000 }
  const last = await authority.issue({ names: ['mail.example.net'], notAfter: new Date(Date.now() + 1e11) })
  await run(last)

  const outcome = await deployAgain('target', {}, { ...engine, clock }, () => {})

  t.match(outcome, { outcome: 'refused', code: 'CERTIFICATE_EXPIRED' })
  t.equal(await live(), last.certificatePem + last.keyPem)
})

interface Opened {
  readonly dir: string
  readonly engine: Engine
  readonly first: TestPair
  run(pair: TestPair, changes?: Readonly<Record<string, unknown>>): Promise<void>
  again(generation?: number | null): Promise<Outcome>
  /** Both live files. */
  live(): Promise<string>
}

/** A target without ports. */
async function open(t: Test): Promise<Opened> {
  const dir = t.testdir()
  const engine = await openTestEngine(dir, ['true'])
  const files = { cert_path: join(dir, 'cert.pem'), key_path: join(dir, 'key.pem') }
  const run = async (pair: TestPair, changes = {}): Promise<void> => {
    const config = { ...files, validate_command: 'true', reload_command: 'true', endpoints: [], ...changes }
    const { certificatePem, keyPem } = pair
    const request = { target: 'target', connector: 'postfix', config, certificatePem, findKey: async () => keyPem }
    t.match(await deploy(request, engine), { code: null })
  }
  return {
    dir,
    engine,
    first: await issue(),
    run,
    again: (generation = null) => deployAgain('target', generation === null ? {} : { generation }, engine, () => {}),
    live: async () => (await readFile(files.cert_path, 'utf8')) + (await readFile(files.key_path, 'utf8')),
  }
}
