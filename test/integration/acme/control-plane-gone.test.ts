import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { register } from '../../../src/control-plane/register.ts'
import { answersFolder } from '../../../src/documents/answers-folder.ts'
import { answerFileOf } from '../../../src/documents/challenge.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { openOperator } from '../../../src/server/client/operator-client.ts'
import { startControlPlane } from '../../../src/server/start-control-plane.ts'
import { serveAcmeCa } from '../../support/acme-ca/serve-acme-ca.ts'
import { startBothHalves } from '../../support/both-halves.ts'
import { folder } from '../../support/enrolled-site.ts'
import { until } from '../../support/until.ts'

const dayMs = 86_400_000
const name = 'mail.example.net'

t.test('a control plane that was gone takes over what the host has renewed, and asks for no CSR', async (t) => {
  const site = await open(t)
  const certificateId = await site.request()
  await until(async () => (await site.liveSerial()) !== null)
  const first = await site.liveSerial()

  await site.plane.close()
  site.pass(85 * dayMs)
  await until(async () => (await site.liveSerial()) !== first)
  const second = await site.liveSerial()
  await site.again()
  await until(async () => site.said.includes('reported'))

  t.equal(second, site.ca.issued[0]?.serial)
  const versions = await site.versions(certificateId)
  t.equal(versions.at(0), site.ca.issued[0]?.serial, 'the newest version is that of the host')
  t.equal(site.ca.issued.length, 1)
  t.equal(await site.liveSerial(), second, 'and it stays')
})

async function open(t: Test) {
  const dir = await folder(t)
  const stateDir = join(dir, 'state')
  const ca = await serveAcmeCa({
    lives: { default: 365 * dayMs },
    look: async ({ name, token, keyAuthorization }) => {
      const text = await readFile(join(answersFolder(stateDir), answerFileOf(token, name)), 'utf8').catch(() => '')
      return text === keyAuthorization ? null : { type: 'unauthorized', detail: 'there is no answer' }
    },
  })
  t.teardown(() => ca.close())
  await mkdir(join(dir, 'tls'))
  const files = { cert: join(dir, 'tls', 'cert.pem'), key: join(dir, 'tls', 'key.pem') }
  let offset = 0
  const now = (): number => Date.now() + offset
  const dataDir = join(dir, 'cp')
  let plane = await startControlPlane({ dataDir, host: '127.0.0.1', port: 0, now })
  t.teardown(() => plane.close())
  const operator = openOperator(plane)
  t.teardown(() => operator.close())
  const { url, caPem } = plane
  const enrolled = await register(
    { url, ca: caPem, credential: await operator.createToken() },
    'host',
    hostFacts('0.0.0'),
  )
  const targetId = await operator.addTarget({
    name: 'web',
    agent_id: enrolled.agentId,
    type: 'files',
    config: {
      service: 'web',
      files: [
        { path: files.cert, format: 'fullchain' },
        { path: files.key, format: 'key' },
      ],
      reload_command: 'true',
    },
  })
  const caFile = join(dir, 'acme-ca.pem')
  await writeFile(caFile, `${ca.httpsCaPem}${ca.rootPem}`)
  const file = join(dir, 'waxseal.yaml')
  const own = { directory: ca.directoryUrl, ca_file: caFile, accept_terms: true }
  const policy = { roots: [dir], commands: ['true'], acme: { http: { responder: true }, own } }
  await writeFile(file, JSON.stringify({ state_dir: stateDir, policy }))
  const client = openControlPlane({ url, ca: caPem, agentId: enrolled.agentId, credential: enrolled.credential ?? '' })
  const said: string[] = []
  const halves = await startBothHalves({
    config: await loadConfig({ file, env: {} }),
    controlPlane: client,
    clock: { now, random: () => 1, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 200), signal) },
    log: pino(
      { base: null },
      {
        write: (line: string) => {
          const { msg, report } = JSON.parse(line) as { readonly msg: string; readonly report?: string }
          if (msg !== 'reported' || report === 'renewed') said.push(msg)
        },
      },
    ),
    pollIntervalMs: 200,
    heartbeatIntervalMs: 200,
  })
  t.teardown(async () => {
    await halves.stop()
    await client.close()
  })
  return {
    ca,
    said,
    get plane() {
      return plane
    },
    request: async () => {
      const wanted = { agent_id: enrolled.agentId, common_name: name, deploy_to: [targetId] }
      return (await operator.requestCertificate(wanted)).certificate_id
    },
    pass: (ms: number) => {
      offset += ms
    },
    again: async () => {
      plane = await startControlPlane({ dataDir, host: '127.0.0.1', port: Number(new URL(url).port), now })
    },
    versions: async (certificateId: string) => {
      const answer = await client.certificate(certificateId)
      return [new X509Certificate(answer).serialNumber.toLowerCase()]
    },
    liveSerial: async () => {
      const pem = await readFile(files.cert, 'utf8').catch(() => null)
      return pem === null ? null : new X509Certificate(pem).serialNumber.toLowerCase()
    },
  }
}
