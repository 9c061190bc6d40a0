import t, { type Test } from 'tap'
import { newestFor } from '../../../../../src/server/operation/certificate/own-certificate.ts'
import { revokeCertificate } from '../../../../../src/server/operation/certificate/revoke-certificate.ts'
import { addJob } from '../../../../../src/server/operation/job/add-job.ts'
import { claimWork, leaseMs, lookForWork } from '../../../../../src/server/operation/job/claim-work.ts'
import type { JobRow } from '../../../../../src/server/store/rows.ts'
import { agentRow, certificateRow, openStoreSite } from '../../../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const hourMs = 3_600_000
const agent = agentRow({ features: ['lease'] })

for (const type of ['Deployment', 'TakeBack'] as const) {
  t.test(`a ${type} that waits ends when its version is revoked, and says why`, async (t) => {
    const { store, pass, add, revoke, claimed } = await site(t)
    const id = await add(type, { notBefore: start + hourMs })

    await revoke()

    t.match(await store.jobs.byId(id), { status: 'Cancelled', error: /^CERTIFICATE_REVOKED: / })
    pass(2 * hourMs)
    t.same(await claimed(), [{ type: 'Renewal', version: 1 }])
  })

  t.test(`a ${type} that was made while its version was revoked is handed out to nobody`, async (t) => {
    const { store, add, revoke } = await site(t)
    await revoke()
    const id = await add(type)

    t.same((await store.jobs.newsFor(agent.id, start)).work, new Set(['AwaitingCSR']))
    t.same(await store.jobs.claim({ agentId: agent.id, at: start, leaseMs, limit: 10 }), [])
    t.match(await store.jobs.byId(id), { status: 'Pending', attempt: 0 })
  })
}

t.test(
  'a deployment that a host took and did not begin is offered again with the version that takes its place',
  async (t) => {
    const { store, pass, add, addVersion, revoke, claimed } = await site(t)
    const id = await add('Deployment')
    t.same(await claimed(), [{ type: 'Deployment', version: 1 }])
    await revoke()
    t.match(await store.jobs.byId(id), { status: 'Pending', attempt: 1 }, 'its host may have it')
    pass(2 * leaseMs)

    await t.rejects(newestFor({ store }, agent, 'cert-1'), /it was revoked/)
    t.same(await claimed(), [{ type: 'Renewal', version: 1 }])
    await addVersion(2)

    t.equal(await newestFor({ store }, agent, 'cert-1'), 'PEM 2')
    t.match(await claimed(), [{ type: 'Deployment', version: 2 }, {}])
  },
)

t.test('a target goes back to a version that was not revoked', async (t) => {
  const { store, add, addVersion } = await site(t)
  const id = await add('TakeBack')
  await addVersion(2)
  await store.versions.revoke('cert-1', 2, start)
  const other = await add('Deployment')

  t.same(await store.jobs.cancelRevoked('cert-1', 'revoked', start), [other])

  const { jobs } = await lookForWork({ store }, agent)
  t.same(
    jobs.map(({ job }) => job.id),
    [id],
  )
})

async function site(t: Test) {
  const made = await openStoreSite(t, { database: undefined, start, agent, targets: ['postfix'] })
  const { store } = made
  await store.certificates.add(certificateRow(), ['postfix'])
  const addVersion = (number: number): Promise<void> =>
    store.versions.add({
      certificateId: 'cert-1',
      number,
      serial: `0${number}`,
      pem: `PEM ${number}`,
      notBefore: start,
      notAfter: start + 90 * 24 * hourMs,
      spki: `key-${number}`,
      fingerprint: `leaf-${number}`,
      issuer: 'local',
      issuedAt: start,
      revokedAt: null,
    })
  await addVersion(1)
  const about = { agentId: agent.id, certificateId: 'cert-1', targetId: 'postfix', versionNumber: 1 }
  return {
    ...made,
    addVersion,
    /** Of version 1. */
    add: (type: 'Deployment' | 'TakeBack', times: Partial<Pick<JobRow, 'notBefore'>> = {}): Promise<string> =>
      store.transaction((inside) => addJob(inside, { ...about, type, ...times })),
    revoke: () => revokeCertificate({ store }, 'operator:ann', 'cert-1', 'keyCompromise'),
    /** What the agent is told to do now. */
    claimed: async () =>
      (await claimWork({ store }, agent)).map(({ job, version }) => ({ type: job.type, version: version?.number })),
  }
}
