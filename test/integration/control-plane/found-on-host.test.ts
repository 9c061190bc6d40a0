import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import { startBothHalves } from '../../support/both-halves.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'
import { startOriginServer } from '../../support/origin-server.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

/** Of protocol §1, and nothing else. */
const fields = 'agent_id certificates directories errors scan_duration_ms'.split(' ')
const ofEntry =
  'common_name fingerprint_sha256 is_ca issuer_dn key_algorithm key_size not_after not_before pem_data sans serial_number source_format source_path subject_dn'.split(
    ' ',
  )

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net'] })
const next = await authority.issue({ names: ['mail.example.net'] })

t.test('a server that knows the plain protocol alone gets just that, once', async (t) => {
  const host = await openHost(t)
  const origin = await startOriginServer(join(host.dir, 'origin'))
  t.teardown(() => origin.close())
  const { id, key } = origin.addAgent('mail-1')
  const reports = (): readonly Readonly<Record<string, unknown>>[] =>
    origin.requests
      .filter(({ path }) => path.endsWith('/discoveries'))
      .map(({ body }) => body as Readonly<Record<string, unknown>>)

  const halves = await host.start({ url: origin.url, ca: origin.caPem, agentId: id, credential: key })
  await until(() => reports().length > 0 && origin.requests.filter(({ path }) => path.endsWith('/work')).length > 10)
  rmSync(host.file)
  const polls = origin.requests.length
  await until(() => origin.requests.length > polls + 20)
  await halves.stop()

  const [report = {}, ...more] = reports()
  t.same(more, [], 'what is gone is not told to it, nor a report of nothing')
  t.same(Object.keys(report).toSorted(), fields)
  t.match(report, { agent_id: id, directories: [host.folder], errors: [] })
  const [entry = {}] = report['certificates'] as readonly object[]
  t.same(Object.keys(entry).toSorted(), ofEntry)
  t.match(entry, {
    fingerprint_sha256: pair.sha256,
    common_name: 'mail.example.net',
    sans: ['mail.example.net'],
    serial_number: /^[0-9a-f]+$/,
    not_after: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
    key_algorithm: 'ECDSA',
    key_size: 256,
    is_ca: false,
    source_path: host.file,
    source_format: 'PEM',
  })
  for (const { body } of origin.requests) t.notMatch(JSON.stringify(body), /PRIVATE KEY/)
})

t.test(
  'our own learns what is there, and what is there no more; a deployer that starts again tells nothing twice',
  async (t) => {
    const host = await openHost(t)
    const plane = await openTestControlPlane(t)
    const { id, credential } = await plane.enroll()
    const endpoint = { url: plane.url, ca: plane.caPem, agentId: id, credential }
    const listed = async () => (await plane.operator.part('discovered', {})).rows

    const halves = await host.start(endpoint)
    await until(async () => (await listed()).length === 1)
    await halves.stop()
    writeFileSync(host.file, next.certificatePem)
    const again = await host.start(endpoint)
    await until(async () => (await listed()).some(({ status }) => status === 'gone'))
    await again.stop()

    t.match(await listed(), [
      { fingerprint: pair.sha256, status: 'gone', path: host.file },
      { fingerprint: next.sha256, status: 'new', path: host.file },
    ])
    const { body } = await plane.ask('GET', '/operator/v1/audit', plane.operatorToken)
    const told = (body['rows'] as readonly Readonly<Record<string, unknown>>[]).filter(
      ({ action }) => action === 'agent.discovery',
    )
    t.match(
      told.map(({ details }) => details),
      [
        { found: 1, gone: 0 },
        { found: 1, gone: 1 },
      ],
    )
    t.equal(told.length, 2)
  },
)

/** A host with a pair, its key before it in one file. */
async function openHost(t: Test) {
  const dir = await makeTemporaryFolder('wx-found-')
  t.teardown(() => removeWhenQuiet(dir))
  const [folder, away, stateDir] = [join(dir, 'tls'), join(dir, 'away'), join(dir, 'state')]
  for (const one of [folder, away, stateDir, join(dir, 'origin')]) mkdirSync(one, { mode: 0o700 })
  const file = join(folder, 'mail.pem')
  writeFileSync(file, pair.keyPem + pair.certificatePem)
  const yaml = join(dir, 'waxseal.yaml')
  writeFileSync(yaml, JSON.stringify({ state_dir: stateDir, discovery: { folders: [folder] } }))
  // Every wait is short: what would be hours is soon. A tenth of a second is a minute.
  const began = systemClock.now()
  const clock = {
    now: () => began + (systemClock.now() - began) * 600,
    random: () => 0,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 100), signal),
  }
  return {
    dir,
    folder,
    file,
    start: async (endpoint: Parameters<typeof openControlPlane>[0]) => {
      const controlPlane = openControlPlane(endpoint)
      const halves = await startBothHalves({
        config: await loadConfig({ file: yaml, env: {} }),
        controlPlane,
        clock,
        log: pino({ level: 'silent' }),
        pollIntervalMs: 1000,
        heartbeatIntervalMs: 1000,
      })
      return {
        stop: async () => {
          await halves.stop()
          await controlPlane.close()
        },
      }
    },
  }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await systemClock.sleep(20)
}
