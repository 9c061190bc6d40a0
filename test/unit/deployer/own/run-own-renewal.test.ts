import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deploy } from '../../../../src/deployer/deploy.ts'
import { runOwnRenewal } from '../../../../src/deployer/own/run-own-renewal.ts'
import type { OwnRenewalJob } from '../../../../src/documents/job.ts'
import { makeAuthority, type TestPair } from '../../../support/certificates.ts'
import { openTestEngine } from '../../../support/deployment.ts'
import { makeSigner, orderedHost } from '../../../support/orders.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const dayMs = 86_400_000
const live = await authority.issue({ names, notAfter: new Date(Date.now() + 5 * dayMs) })
const renewed = await authority.issue({ names, keyOf: live })

t.test('no order has to cover a renewal by the host itself, where policy.orders asks jobs for one', async (t) => {
  const { engine, served, done } = await open(t, { orders: { keys: [makeSigner().spki], host: orderedHost } })

  t.match(await done(), [{ status: 'Completed', outcome: { outcome: 'deployed' } }])
  t.equal(await served(), renewed.certificatePem)
  t.not(engine.policy.orders, null)
})

t.test('a renewal that comes late never takes the place of another certificate than the one it is for', async (t) => {
  const { served, put, done } = await open(t)
  const newer = await authority.issue({ names })
  await put(newer)

  t.match(await done(), [{ kind: 'renewed', status: 'Failed', error: /^CERTIFICATE_OLDER: / }])

  t.equal(await served(), newer.certificatePem)
})

t.test('a renewal that is live already is done', async (t) => {
  const { done } = await open(t)
  await done()

  t.match(await done(), [{ status: 'Completed', outcome: { outcome: 'unchanged' } }])
})

async function open(t: Test, policy: Parameters<typeof openTestEngine>[2] = {}) {
  const dir = t.testdir()
  const [cert, key] = [join(dir, 'web.crt'), join(dir, 'web.key')]
  await mkdir(dir, { recursive: true })
  const engine = await openTestEngine(dir, ['true'], policy)
  const files = [
    { path: cert, format: 'fullchain' },
    { path: key, format: 'key' },
  ]
  const put = async ({ certificatePem, keyPem }: TestPair): Promise<void> => {
    const config = { service: 'web', files, reload_command: 'true' }
    const request = { target: 'web', connector: 'files', config, certificatePem, findKey: async () => keyPem }
    t.match(await deploy(request, engine), { outcome: 'deployed' })
  }
  await put(live)
  const job: OwnRenewalJob = {
    kind: 'own-renewal',
    id: 'own-1',
    certificateId: 'own-1',
    targetId: 'web',
    replaces: live.sha256,
    certificatePem: renewed.certificatePem,
  }
  return {
    engine,
    put,
    served: () => readFile(cert, 'utf8'),
    done: () => runOwnRenewal(job, engine, { onBegin: async () => {}, onStep: () => {} }),
  }
}
