import t from 'tap'
import { openAuthority } from '../../../src/server/authority/authority.ts'
import { localIssuer } from '../../../src/server/issuer/local-issuer.ts'
import { openSigner } from '../../../src/server/operation/certificate/signer.ts'
import { submitCsr } from '../../../src/server/operation/certificate/submit-csr.ts'
import { cancelJob } from '../../../src/server/operation/job/cancel-job.ts'
import { reportJob } from '../../../src/server/operation/job/report-job.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { Store } from '../../../src/server/store/store.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'
import { newCsr } from '../../support/csr.ts'
import { startPostgres } from '../../support/postgres.ts'
import { signerThatEnds } from '../../support/store-site.ts'

t.test('a CSR whose request is cancelled while it is taken is refused, and nothing is signed', async (t) => {
  const postgres = await startPostgres(t, false)
  const database = await postgres.newDatabase()
  const plane = await openTestControlPlane(t, { database })
  const { id } = await plane.enroll()
  const wanted = await plane.operator.requestCertificate({ agent_id: id, common_name: 'mail.example.net' })
  const store = await openStore({ dataDir: plane.dataDir, database })
  t.teardown(() => store.close())
  const agent = await store.agents.named(id)
  if (agent === null) throw new Error('there is no agent')
  const { check } = await openAuthority(plane.dataDir)
  const signer = signerThatEnds(check)
  const cancel = () => cancelJob({ store }, 'operator:test', wanted.job_id)
  const csr = { certificateId: wanted.certificate_id, csrPem: await newCsr() }

  await t.rejects(submitCsr({ store: interrupted(store, cancel), signer }, agent, csr), {
    message: /waited for/,
  })

  t.equal((await store.jobs.byId(wanted.job_id))?.status, 'Cancelled')
  t.same(await store.signings.take(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 10), [])
})

t.test('a CSR whose request was cancelled while it waited for its signature makes no version', async (t) => {
  const plane = await openTestControlPlane(t)
  const { id } = await plane.enroll()
  const wanted = await plane.operator.requestCertificate({ agent_id: id, common_name: 'mail.example.net' })
  await plane.close()
  const store = await openStore({ dataDir: plane.dataDir, now: () => Date.parse('2026-11-01T00:02:00Z') })
  t.teardown(() => store.close())
  const agent = await store.agents.named(id)
  if (agent === null) throw new Error('there is no agent')
  const authority = await openAuthority(plane.dataDir)
  const waiting = signerThatEnds(authority.check)
  const csr = { certificateId: wanted.certificate_id, csrPem: await newCsr() }
  await t.rejects(submitCsr({ store, signer: waiting }, agent, csr), { message: /not signed yet/ })
  const [signing] = await store.signings.take(Number.MAX_SAFE_INTEGER, 0, 1)
  await cancelJob({ store }, 'operator:test', wanted.job_id)
  await reportJob({ store }, agent, { jobId: wanted.job_id, status: 'Cancelled', error: null, outcome: null })

  const signer = openSigner({ store, check: authority.check, issuers: [localIssuer(authority)] })

  t.match(await signer.sign(signing?.id ?? ''), { state: 'failed' })
  t.equal(await store.versions.newest(wanted.certificate_id), null)
  t.equal((await store.jobs.byId(wanted.job_id))?.status, 'Cancelled')
})

/** The store in whose transactions something else happens after the newest issuance was read. */
function interrupted(store: Store, happen: () => Promise<unknown>): Store {
  return {
    ...store,
    transaction: (work) =>
      store.transaction((inside) =>
        work({
          ...inside,
          jobs: {
            ...inside.jobs,
            lastIssuance: async (certificateId) => {
              const job = await inside.jobs.lastIssuance(certificateId)
              await happen()
              return job
            },
          },
        }),
      ),
  }
}
