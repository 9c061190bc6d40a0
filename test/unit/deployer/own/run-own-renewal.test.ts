import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deploy } from '../../../../src/deployer/deploy.ts'
import { runOwnRenewal } from '../../../../src/deployer/own/run-own-renewal.ts'
import type { JobEnd } from '../../../../src/deployer/work/job-end.ts'
import { runDeployments } from '../../../../src/deployer/work/run-deployments.ts'
import type { Workshop } from '../../../../src/deployer/work/run-job.ts'
import type { OwnRenewalJob } from '../../../../src/documents/job.ts'
import { answering, startAnswering } from '../../../support/answering-server.ts'
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

for (const isByJob of [false, true]) {
  t.test(
    `what no TLSA record stands for, but the live pair's, is not served ${isByJob ? 'by a job of the control plane either' : 'yet'}`,
    async (t) => {
      const data = { usage: 3, selector: 0, matchingType: 1, certificate: Buffer.from(live.sha256, 'hex') }
      const { address, port } = await startAnswering(t, ({ name }) => answering({ type: 'TLSA', name, ttl: 60, data }))
      const site = await open(t, { dane: 'warn', resolvers: [`${address}:${port}`] })

      const reports = isByJob ? await site.doneByJob() : await site.done()

      const publish = /^DANE_MISMATCH: .*_\d+\._tcp\.mail\.example\.net\. IN TLSA 3 1 1 [0-9a-f]{64}/
      t.match(reports, [{ status: 'Failed', error: publish, outcome: { outcome: 'refused', host: 'untouched' } }])
      t.equal(await site.served(), live.certificatePem)
    },
  )
}

async function open(t: Test, policy: Parameters<typeof openTestEngine>[2] = {}) {
  const dir = t.testdir()
  const [cert, key] = [join(dir, 'web.crt'), join(dir, 'web.key')]
  await mkdir(dir, { recursive: true })
  const engine = await openTestEngine(dir, ['true'], policy)
  const files = [
    { path: cert, format: 'fullchain' },
    { path: key, format: 'key' },
  ]
  // Nobody listens there: what is looked at are the records of its port.
  const looked = { endpoints: ['127.0.0.1:1'], post_deploy_verify_attempts: 1 }
  const config = { service: 'web', files, reload_command: 'true', ...looked }
  const put = async ({ certificatePem, keyPem }: TestPair): Promise<void> => {
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
    /** The same certificate, as a control plane has it deployed that took it over. */
    doneByJob: async (): Promise<JobEnd> => {
      const ends: JobEnd[] = []
      const about = { id: 'job-1', certificateId: 'mc-1', targetId: 'web', targetType: 'files', targetConfig: config }
      const document = { pem: renewed.certificatePem, tries: 1, at: 0 }
      const workshop: Workshop = {
        engine,
        keys: { find: async () => renewed.keyPem },
        challenges: { put: async () => {} },
        obtained: { list: async () => [{ id: live.sha256, document }] },
        certificatesOf: async () => new Map([['job-1', renewed.certificatePem]]),
        onBegin: async () => {},
        onStep: () => {},
      }
      const onEnd = async (_: string, end: JobEnd): Promise<void> => void ends.push(end)
      await runDeployments([{ kind: 'deployment', ...about }], workshop, onEnd, new AbortController().signal)
      return ends[0] ?? []
    },
  }
}
