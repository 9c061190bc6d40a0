import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { createToken } from '../../../src/server/operation/agent/create-token.ts'
import { readmitAgent } from '../../../src/server/operation/agent/readmit-agent.ts'
import { register } from '../../../src/server/operation/agent/register.ts'
import { requestCertificate } from '../../../src/server/operation/certificate/request-certificate.ts'
import { openSigner, type Signer } from '../../../src/server/operation/certificate/signer.ts'
import { submitCsr } from '../../../src/server/operation/certificate/submit-csr.ts'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { AgentRow } from '../../../src/server/store/rows.ts'
import { startPostgres } from '../../support/postgres.ts'
import { quickIssuer } from '../../support/quick-issuer.ts'

const minute = 60_000
const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  for (const state of ['waits for its issuer', 'is being signed'] as const)
    t.test(
      `${kind}: a host that is let in again while its CSR ${state} gets one certificate, of its new key`,
      async (t) => {
        const site = await openSite(t, kind)
        const { store, signer } = site
        await site.sendCsr('a key that is gone with the host')
        site.advance(10 * minute)
        const signing = state === 'is being signed' ? signer.signDue() : null
        if (signing !== null) await site.isAsked
        await site.readmit()
        site.open()
        await signing
        site.advance(24 * 60 * minute)
        await signer.signDue()

        t.same(await store.versions.list(site.certificateId, 10), [])
        const asked = await site.work()
        t.match(asked, [{ type: 'Renewal', status: 'AwaitingCSR', certificateId: site.certificateId }])
        t.equal(asked.length, 1)
        await site.sendCsr('its new key')
        await signer.signDue()

        t.equal((await store.versions.list(site.certificateId, 10)).length, 1)
        const deployments = await site.work()
        t.match(deployments, [{ type: 'Deployment', targetId: 'target-1', versionNumber: 1 }])
        t.equal(deployments.length, 1)
        const states = (await store.jobs.list({ limit: 10 })).map(({ type, status }) => `${type} ${status}`)
        t.same(states, ['Deployment Pending', 'Renewal Completed', 'Issuance Failed'])
      },
    )
}

/** A host with a certificate that is asked for, whose issuer fails or holds what it signs until `open`. */
async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  let now = Date.parse('2026-11-01T00:00:00Z')
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const store = await openStore({ dataDir: t.testdir({}), database, now: () => now })
  t.teardown(() => store.close())
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  let isFirst = true
  const quick = await quickIssuer('local', () => false)
  const issuer: typeof quick = {
    ...quick,
    sign: async (request) => {
      const wasFirst = isFirst
      isFirst = false
      if (wasFirst) throw new Error('not now')
      ask()
      await opened
      return quick.sign(request)
    },
  }
  const check = async (csr: string): Promise<string> => createHash('sha256').update(csr).digest('hex')
  const signer = openSigner({ store, issuers: [issuer], check })
  let signed: Promise<unknown> = Promise.resolve()
  const sign: Signer['sign'] = (id) => {
    const mine = signer.sign(id)
    signed = mine
    return mine
  }
  const parts = { store, signer: { ...signer, sign } }
  const join = async (token: string): Promise<AgentRow> =>
    (
      await register(parts, {
        token,
        name: 'mail-1',
        hostname: 'mail-1',
        features: ['lease', 'csr_accepted'],
        idempotencyKey: null,
      })
    ).agent
  const agent = await join(await createToken(parts, 'operator:a'))
  await store.targets.add({ id: 'target-1', name: 'postfix', agentId: agent.id, type: 'Postfix', config: {} })
  const { certificateId } = await requestCertificate(parts, 'operator:a', {
    agent: agent.id,
    commonName: 'mail.example.net',
    sans: [],
    validityDays: 47,
    deployTo: ['target-1'],
  })
  return {
    ...parts,
    certificateId,
    open,
    isAsked: asked,
    advance: (ms: number) => {
      now += ms
    },
    work: async () => (await claimWork(parts, agent)).map(({ job }) => job),
    readmit: async () => join(await readmitAgent(parts, 'operator:a', 'mail-1')),
    sendCsr: async (csrPem: string) => {
      await submitCsr(parts, agent, { certificateId, csrPem })
      await signed
    },
  }
}
