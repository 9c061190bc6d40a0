import { chmodSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { dnsSolver } from '../../../src/server/issuer/acme/dns-solver.ts'
import { httpSolver } from '../../../src/server/operation/certificate/http-solver.ts'
import { listIssuers } from '../../../src/server/operation/certificate/list-issuers.ts'
import { revokeCertificate } from '../../../src/server/operation/certificate/revoke-certificate.ts'
import { tellIssuers } from '../../../src/server/operation/certificate/tell-issuers.ts'
import type { AcmeProof } from '../../../src/server/store/acme-order-store.ts'
import { openAcmeSite } from '../../support/acme-site.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow } from '../../support/store-site.ts'

const postgres = await startPostgres(t)
const [hourMs, dayMs] = [3_600_000, 86_400_000]

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  const database = async (): Promise<string | undefined> =>
    kind === 'SQLite' ? undefined : await postgres.newDatabase()

  t.test(`${kind}: a CA that is away is told of what was revoked until it knows it`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const { issuer, signer } = site.server()
    const { certificateId } = await site.follow(signer, await site.asked(['a.example']))
    const parts = { store: site.store, issuers: [issuer] }
    site.ca.trouble({ kind: 'down' })

    await revokeCertificate(parts, 'operator:a', certificateId, 'keyCompromise')
    await tellIssuers(parts)
    t.match(await site.store.revocations.of(certificateId, 1), { failures: 1, toldAt: null, error: /ACME server/ })
    site.ca.trouble(null)
    await tellIssuers(parts)
    t.equal(site.ca.issued[0]?.revokedAt, null, 'not before its time')
    site.pass(hourMs)
    await tellIssuers(parts)
    await tellIssuers(parts)

    t.match(site.ca.issued, [{ revokedAt: Number }])
    t.equal(site.ca.counts.get('revokeCert'), 1)
    t.match(await site.store.revocations.of(certificateId, 1), { reason: 'keyCompromise', toldAt: Number, error: null })
  })

  t.test(
    `${kind}: hosts that share all their names renew in turn, the one with the least time left first`,
    async (t) => {
      const site = await openAcmeSite(t, await database())
      const limits = {
        sameNames: { most: 1, perMs: 7 * dayMs },
        registeredDomain: null,
        orders: { most: 300, perMs: hourMs },
        failures: null,
      }
      const { issuer, signer } = site.server({ config: { limits } })
      const first = await site.follow(signer, await site.asked(['mx.example']))
      const second = await site.follow(signer, await site.asked(['mx.example']))
      site.pass(60 * dayMs)
      await site.follow(signer, await site.asked(['mx.example']))

      const late = await site.again(second.certificateId)
      const near = await site.again(first.certificateId)
      await site.follow(signer, near)

      t.match(await site.store.signings.byId(late), {
        state: 'open',
        attempts: 0,
        error: /only so many.*for these names/,
      })
      const parts = { store: site.store, issuers: [issuer], acme: [issuer], signer }
      t.match(await listIssuers(parts), [
        {
          name: 'test',
          kind: 'acme',
          place: 1,
          limits: [
            { limit: 'orders', most: 300 },
            { limit: 'same_names', names: 'mx.example', used: 1, most: 1 },
          ],
        },
      ])
      await site.follow(signer, late)
    },
  )

  t.test(`${kind}: nobody is told of what is over, or of what a host was certified by itself`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const { certificateId } = await site.follow(site.server().signer, await site.asked(['a.example']))
    const [version] = await site.store.versions.list(certificateId, 1)
    if (version === undefined) throw new Error('nothing was signed')
    await site.store.versions.add({ ...version, number: 2, issuer: 'host', fingerprint: 'x', serial: 'x' })
    const over = { issuer: 'gone', notAfter: site.now(), fingerprint: 'y', serial: 'y' }
    await site.store.versions.add({ ...version, number: 3, ...over })
    const open = { nextTryAt: site.now(), failures: 0, error: null, toldAt: null }
    for (const number of [2, 3])
      await site.store.revocations.add({ certificateId, number, reason: 'unspecified', ...open })

    await tellIssuers({ store: site.store, issuers: [] })

    for (const number of [2, 3])
      t.match(await site.store.revocations.of(certificateId, number), { toldAt: Number, error: null })
  })

  t.test(`${kind}: every host with a certificate for the name answers, and the CA looks when all do`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const { store } = site
    const features = ['lease', 'challenge']
    await store.agents.setFeatures('agent-1', features)
    for (const id of ['agent-2', 'agent-3']) {
      await store.agents.add(agentRow({ id, name: id, features: id === 'agent-2' ? features : [] }))
      const row = { id: `of-${id}`, agentId: id, commonName: 'x.example', sans: ['mx.example'] }
      await store.certificates.add(certificateRow(row), [])
    }
    const config = { challenges: ['http'] } as const
    const { signer } = site.server({ solver: httpSolver(store), config })
    const id = await site.asked(['mx.example'])

    await signer.sign(id)
    const jobs = await store.jobs.list({ limit: 9 })
    t.same(jobs.map(({ type, agentId, status }) => `${type} ${agentId} ${status}`).toSorted(), [
      'Challenge agent-1 Pending',
      'Challenge agent-2 Pending',
    ])
    const end = (agentId: string, status: 'Completed' | 'Failed') => {
      const job = jobs.find((one) => one.agentId === agentId)
      const done = { id: job?.id ?? '', agentId, error: 'no webroot', outcome: null, at: site.now() }
      return store.jobs.finish({ ...done, status })
    }
    await end('agent-1', 'Completed')
    site.pass(5000)
    await signer.signDue()
    t.equal(site.ca.counts.get('challenge'), undefined, 'one of them does not answer yet')
    await end('agent-2', 'Failed')
    site.pass(5000)
    await signer.signDue()
    t.match(await store.signings.byId(id), { attempts: 1, error: /is not seen.*no webroot/ })

    site.pass(hourMs)
    await signer.signDue()
    t.equal((await store.jobs.list({ limit: 9 })).length, 4, 'asked once more')
  })

  t.test(`${kind}: a host of the same name that is off holds a proof up for ten minutes at most`, async (t) => {
    for (const isReaped of [false, true]) {
      const site = await openAcmeSite(t, await database())
      const { store } = site
      const features = ['lease', 'challenge']
      await store.agents.setFeatures('agent-1', features)
      await store.agents.add(agentRow({ id: 'agent-2', name: 'agent-2', features }))
      const row = { id: 'of-agent-2', agentId: 'agent-2', commonName: 'mx.example' }
      await store.certificates.add(certificateRow(row), [])
      site.zone.add('mx.example answered')
      const { signer } = site.server({ solver: httpSolver(store), config: { challenges: ['http'] } })
      const id = await site.asked(['mx.example'])
      await signer.sign(id)
      const jobs = await store.jobs.list({ limit: 9 })
      const jobOf = (agentId: string) => jobs.find((one) => one.agentId === agentId)?.id ?? ''
      const done = { id: jobOf('agent-1'), agentId: 'agent-1', error: null, outcome: null, at: site.now() }
      await store.jobs.finish({ ...done, status: 'Completed' })
      if (isReaped) await store.jobs.end(jobOf('agent-2'), 'the agent has been silent', site.now())

      site.pass(isReaped ? 5000 : 10 * 60_000 - 1)
      await signer.sign(id)
      t.equal(site.ca.counts.get('challenge'), isReaped ? 1 : undefined)
      site.pass(60_000)
      await signer.sign(id)
      t.equal(site.ca.counts.get('challenge'), 1)
      t.match(await store.signings.byId(id), { attempts: 0 })
    }
  })
}

t.test('a profile is ordered, and one that the CA does not have is refused before', async (t) => {
  const site = await openAcmeSite(t, undefined, { lives: { default: 90 * dayMs, shortlived: 6 * dayMs } })
  const { signer } = site.server({ config: { profile: 'shortlived' } })
  const { signer: other } = site.server({ config: { profile: 'tlsserver' } })

  const { certificateId } = await site.follow(signer, await site.asked(['a.example']))
  const id = await site.asked(['b.example'])
  await other.sign(id)

  const version = await site.store.versions.newest(certificateId)
  t.ok((version?.notAfter ?? 0) - (version?.notBefore ?? 0) <= 6.1 * dayMs)
  t.match(await site.store.signings.byId(id), { error: /no profile tlsserver: it has shortlived/ })
})

t.test('an account is bound to the one that the CA gave before, by a key in a file', async (t) => {
  const hmac = Buffer.alloc(32, 7).toString('base64url')
  const site = await openAcmeSite(t, undefined, { externalAccounts: { 'kid-1': hmac } })
  const keyFile = join(dirname(site.config.caFile ?? ''), 'eab.key')
  writeFileSync(keyFile, `${hmac}\n`)
  chmodSync(keyFile, 0o600)
  const { issuer: bare } = site.server()
  const { issuer } = site.server({ config: { eab: { kid: 'kid-1', keyFile } } })

  await t.rejects(bare.register(), { code: 'ACME_REFUSED', details: { detail: /set eab/ } })
  t.match(await issuer.register(), /^https:/)
  chmodSync(keyFile, 0o644)
  const { issuer: open } = site.server({ config: { eab: { kid: 'kid-1', keyFile } } })
  await t.rejects(open.register(), { code: 'CONFIG_INVALID', details: { reason: /all users can read/ } })
})

t.test('a fixed time is waited for where the zone says so', async (t) => {
  const solver = dnsSolver([{ zone: 'example.org', hook: ['/bin/true'], wait: 120_000 }], [])
  const proof: AcmeProof = {
    name: 'mail.example.org',
    isWildcard: false,
    kind: 'dns',
    challenge: 'https://ca.example/1',
    token: 'token',
    value: 'value',
    place: '_acme-challenge.mail.example.org',
    publishedAt: 1_000_000,
    answeredAt: null,
    isRemoved: false,
  }

  t.match(await solver.whyNotSeen(proof, 1_100_000), /for 20 s more/)
  t.equal(await solver.whyNotSeen(proof, 1_120_000), null)
})
