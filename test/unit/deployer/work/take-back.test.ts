import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../../src/config/load-config.ts'
import { deploy } from '../../../../src/deployer/deploy.ts'
import type { Engine } from '../../../../src/deployer/engine.ts'
import { openEngine } from '../../../../src/deployer/open-engine.ts'
import { runJob } from '../../../../src/deployer/work/run-job.ts'
import type { TakeBackJob } from '../../../../src/documents/job.ts'
import type { Report } from '../../../../src/documents/report.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { parseRoots } from '../../../../src/material/trusted-by.ts'
import { makeAuthority, type TestPair } from '../../../support/certificates.ts'

const day = 86_400_000
const root = await makeAuthority('A root of the system')
const authority = await root.intermediate()
const [first, second] = await Promise.all([lasting(-40, 30), lasting(-1, 80)])

t.test('a pair that was live is deployed again for a job, older as it is, and reported as a deployment', async (t) => {
  const { takeBack, live, engine } = await open(t)

  const reports = await takeBack({ leaf: first.sha256 })

  t.match(reports, [
    { kind: 'status', jobId: 'job-9', status: 'Completed', outcome: { outcome: 'deployed', host: 'changed' } },
  ])
  t.equal(await live(), first.keyPem)
  t.match((await engine.history.read()).at(-1), { job: 'job-9', generation: 1, outcome: 'deployed' })
})

t.test('a second try of the same job goes to the same pair', async (t) => {
  const { takeBack, live } = await open(t)
  await takeBack({ leaf: first.sha256 })

  t.match(await takeBack({ leaf: first.sha256 }), [{ status: 'Completed', outcome: { outcome: 'unchanged' } }])
  t.equal(await live(), first.keyPem)
  t.match(await takeBack({ generation: 2 }), [{ status: 'Completed' }])
  t.match(await takeBack({ generation: 2 }), [{ status: 'Completed', outcome: { outcome: 'unchanged' } }])
  t.equal(await live(), second.keyPem)
})

t.test(
  'what is not kept of this target is refused: no number, no leaf, both of two pairs, another target',
  async (t) => {
    const { takeBack, live } = await open(t)
    const other = await lasting(-1, 80)

    for (const wanted of [
      { generation: 9 },
      { leaf: other.sha256 },
      { generation: 2, leaf: first.sha256 },
      { leaf: first.sha256, targetId: 'nobody' },
      { leaf: first.sha256, targetId: '../target' },
    ]) {
      const reports = await takeBack(wanted)

      t.match(reports, [{ status: 'Failed', error: /^GENERATION_UNKNOWN: / }], JSON.stringify(wanted))
      t.notMatch(JSON.stringify(reports), /"target"/, 'no other target is told')
    }
    t.equal(await live(), second.keyPem)
  },
)

t.test('one that has expired is refused', async (t) => {
  const { takeBack, live } = await open(t)

  const reports = await takeBack(
    { leaf: first.sha256 },
    { clock: { ...systemClock, now: () => Date.now() + 40 * day } },
  )

  t.match(reports, [{ status: 'Failed', error: /^CERTIFICATE_EXPIRED: /, outcome: { host: 'untouched' } }])
  t.equal(await live(), second.keyPem)
})

t.test("a job is held to today's policy, and root's own words in a file of the host's stay root's", async (t) => {
  const { takeBack, live, reopen } = await open(t)
  const narrow = await reopen({ roots: ['/etc/postfix'] })
  const withFile = await reopen({ targets: 'local' })

  t.match(await takeBack({ leaf: first.sha256 }, narrow), [{ status: 'Failed', error: /^PATH_NOT_ALLOWED: / }])
  t.match(await takeBack({ leaf: first.sha256 }, withFile), [{ status: 'Failed', error: /^TARGET_NOT_ALLOWED: / }])
  t.equal(await live(), second.keyPem)
})

t.test('while another process deploys it is put off, and nothing was touched', async (t) => {
  const { takeBack } = await open(t)
  const turns = { take: () => Promise.reject(new WaxsealError('STATE_BUSY', {})), areFree: () => false }

  t.match(await takeBack({ leaf: first.sha256 }, { turns }), { code: 'STATE_BUSY' })
})

/** A target that had the first pair, and has the second. */
async function open(t: Test) {
  const dir = t.testdir({ live: {} })
  const file = join(dir, 'waxseal.yaml')
  const reopen = async (policy: object): Promise<Engine> => {
    const all = { roots: [join(dir, 'live')], commands: ['true'], ...policy }
    await writeFile(
      file,
      JSON.stringify({ state_dir: join(dir, 'state'), targets_dir: join(dir, 'targets'), policy: all }),
    )
    const engine = await openEngine(await loadConfig({ file, env: {} }), systemClock)
    return { ...engine, trustedRoots: () => parseRoots([root.certificatePem]) }
  }
  const engine = await reopen({})
  const paths = { cert_path: join(dir, 'live/cert.pem'), key_path: join(dir, 'live/key.pem') }
  const config = { ...paths, validate_command: 'true', reload_command: 'true', endpoints: [] }
  for (const { certificatePem, chainPem, keyPem } of [first, second]) {
    const request = {
      target: 'target',
      connector: 'postfix',
      config,
      certificatePem,
      chainPem,
      findKey: async () => keyPem,
    }
    t.match(await deploy({ ...request, job: 'job-1' }, engine), { outcome: 'deployed' })
  }
  const takeBack = async (
    wanted: Partial<TakeBackJob>,
    changes: Partial<Engine> = {},
  ): Promise<readonly Report[] | WaxsealError> =>
    runJob(
      { kind: 'take-back', id: 'job-9', certificateId: 'none', targetId: 'target', ...wanted },
      {
        engine: { ...engine, ...changes },
        keys: { find: async () => null },
        certificatesOf: async () => new Map(),
        challenges: { put: async () => {} },
        obtained: { list: async () => [] },
        onBegin: async () => {},
        onStep: () => {},
      },
    )
  return { engine, takeBack, reopen, live: () => readFile(paths.key_path, 'utf8') }
}

/** `begin` and `end`: days from now. */
async function lasting(begin: number, end: number): Promise<TestPair> {
  const [notBefore, notAfter] = [begin, end].map((days) => new Date(Date.now() + days * day))
  return authority.issue({ names: ['mail.example.net'], ...(notBefore && notAfter ? { notBefore, notAfter } : {}) })
}
