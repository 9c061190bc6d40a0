import t, { type Test } from 'tap'
import type { NewJob } from '../../../src/server/store/job-store.ts'
import type { Label } from '../../../src/server/store/label-store.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { Page } from '../../../src/server/store/page.ts'
import type { RolloutRow, RolloutTargetRow } from '../../../src/server/store/rollout-rows.ts'
import type { TargetRow, VersionRow } from '../../../src/server/store/rows.ts'
import type { Store } from '../../../src/server/store/store.ts'
import { type Postgres, startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow, signingRow } from '../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const dayMs = 86_400_000
const agent = agentRow({ features: ['lease'], registeredAt: start })
const target: TargetRow = {
  id: 'target-1',
  name: 'postfix',
  agentId: agent.id,
  type: 'Postfix',
  config: { a: [1, 'é'] },
}
const certificate = certificateRow({ sans: ['imap.example.net'], renewShare: 0.5, createdAt: start })
const version: VersionRow = {
  certificateId: certificate.id,
  number: 1,
  serial: '0a',
  pem: 'PEM',
  notBefore: start,
  notAfter: start + 1000,
  spki: 'ab',
  fingerprint: 'cd',
  issuer: 'local',
  issuedAt: start,
  revokedAt: null,
}
const past = { untaken: 'the deadline is past', taken: 'the deadline is past, and nothing was heard' }
const signing = signingRow({ certificateId: certificate.id, nextTryAt: start })

const rollout: RolloutRow = {
  id: 'rollout-1',
  name: 'november',
  action: 'renew',
  state: 'running',
  chosen: { labels: ['role=mx'], agents: [], targets: [], first: ['mail-1'], shares: [5, 100] },
  stopHosts: 2,
  stopShare: 12.5,
  windowCron: '0 2 * * *',
  windowMs: 3000,
  timeZone: 'UTC',
  deadlineMs: 1000,
  wave: 1,
  reason: null,
  createdAt: start,
  createdBy: 'operator:ann',
  endedAt: null,
}
const onTarget: RolloutTargetRow = {
  rolloutId: rollout.id,
  targetId: target.id,
  agentId: agent.id,
  certificateId: certificate.id,
  beforeVersion: null,
  wave: 1,
  state: 'waiting',
  since: null,
  spentMs: 0,
  issuanceId: null,
  isJoined: false,
  jobId: null,
  isRecalled: false,
  isCounted: true,
  nearEndAt: start + 9,
  isHurried: false,
  error: null,
  takeBackId: null,
  takeBackNote: null,
}

const postgres = await startPostgres(t)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: what is kept is read as it was written`, async (t) => {
    const store = await openWithHost(t, kind)

    t.same(await store.agents.named('mail-1'), agent)
    t.same(await store.agents.named('agent-1'), agent)
    await store.agents.add({ ...agent, id: 'agent-2', name: 'mail-2' })
    await store.agents.retire('agent-2')
    t.equal(await store.agents.countActive(), 1, 'without those that are retired')
    t.same(await store.targets.byId(target.id), target)
    t.same(await store.certificates.byId(certificate.id), certificate)
    t.same(await store.certificates.deployedTo(certificate.id), [target.id])
    t.equal(await store.agents.named('mail'), null)
    const policy = {
      renewShare: null,
      issuers: ['one', 'two'],
      keyPolicy: 'reuse',
      keyType: 'rsa3072',
      fallBackAfter: 3,
      fallBackShare: 0.7,
    } as const
    await store.certificates.setPolicy(certificate.id, policy)
    t.same(await store.certificates.byId(certificate.id), { ...certificate, ...policy })
    await store.versions.add(version)
    await store.versions.add({ ...version, number: 2 })
    t.same(await store.versions.newest(certificate.id), { ...version, number: 2 })
    await store.versions.revoke(certificate.id, 1, start + 5)
    t.same(await store.versions.revoked(start), [{ ...version, revokedAt: start + 5 }])
    t.same(await store.versions.revoked(start + 1000), [], 'it has ended')
  })

  t.test(`${kind}: of the open jobs of an agent it is known how long the longest is, in bytes`, async (t) => {
    const store = await openWithHost(t, kind)
    t.equal(await store.jobs.longestOf(agent.id), 0, 'it has no job')
    await store.jobs.add(deployment('job-1'))
    const longest = [JSON.stringify(certificate.sans), certificate.commonName, JSON.stringify(target.config)].map(
      (part) => Buffer.byteLength(part),
    )
    t.equal(
      await store.jobs.longestOf(agent.id),
      longest.reduce((sum, bytes) => sum + bytes, 0),
      'in bytes',
    )
    await store.jobs.finish(failed('job-1'))
    t.equal(await store.jobs.longestOf(agent.id), 0, 'it has ended')
  })

  t.test(`${kind}: a text with any character is kept, without the NUL that PostgreSQL cannot keep`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.jobs.add(deployment('job-1'))

    for (const [error, kept] of [
      ['\u{1F980} \u202E \n', '\u{1F980} \u202E \n'],
      ['a\0b', kind === 'SQLite' ? 'a\0b' : 'a\uFFFDb'],
    ] as const) {
      await store.jobs.add(deployment(error))
      await store.jobs.finish({ ...failed(error), error })
      t.equal((await store.jobs.byId(kept))?.error, kept)
    }
  })

  t.test(
    `${kind}: one order is kept for a target, and found by the certificates that are deployed there`,
    async (t) => {
      const store = await openWithHost(t, kind)
      const order = { targetId: target.id, document: 'AAAA', signature: 's', key: 'k', addedAt: start, addedBy: 'a' }
      t.equal(await store.orders.longestOf(agent.id), 0)
      await store.orders.put({ ...order, sequence: 1 })
      await store.orders.put({ ...order, sequence: 9_000_000_000_000_000, document: 'AAAAAAAA' })

      const kept = { ...order, sequence: 9_000_000_000_000_000, document: 'AAAAAAAA' }
      t.same(await store.orders.of(target.id), kept)
      t.same(await store.orders.of('none'), null)
      t.same(await store.orders.list({ limit: 5 }), [{ ...kept, targetName: target.name }])
      t.same(await store.orders.list({ after: target.name, limit: 5 }), [])
      t.equal(await store.orders.longestOf(agent.id), 8)
      t.same(await store.orders.forCertificate('none'), [])
      await store.certificates.add({ ...certificate, id: 'cert-ordered' }, [target.id])
      t.same(await store.orders.forCertificate('cert-ordered'), [kept])
      const { commonName, sans } = certificate
      t.match(await store.orders.certificatesOn(target.id), [{ commonName, sans }])
    },
  )

  t.test(`${kind}: a name is taken once`, async (t) => {
    const store = await openWithHost(t, kind)

    t.equal(await store.agents.add({ ...agent, id: 'agent-2' }), false)
    t.equal(await store.targets.add({ ...target, id: 'target-2' }), false)
    t.same(await store.agents.names(), ['mail-1'])
    t.same(await store.targets.names(), ['postfix'])
  })

  t.test(`${kind}: a transaction that fails leaves nothing, and one inside another is part of it`, async (t) => {
    const store = await open(t, kind)

    await t.rejects(
      store.transaction(async (inside) => {
        await inside.transaction(async (deeper) => deeper.agents.add(agent))
        throw new Error('no')
      }),
      { message: 'no' },
    )

    t.equal(await store.agents.named(agent.id), null)
  })

  t.test(`${kind}: of a token with three uses three of ten who come at once get one`, async (t) => {
    const store = await open(t, kind)
    const token = {
      hash: 't',
      expiresAt: start + 10,
      usesLeft: 3,
      namePattern: null,
      createdAt: start,
      createdBy: 'admin',
      agentId: null,
      usedAt: null,
    }
    await store.tokens.add(token)

    const taken = await Promise.all(Array.from({ length: 10 }, () => store.tokens.take('t', start)))

    t.equal(taken.filter((row) => row !== null).length, 3)
    await store.tokens.add({ ...token, hash: 'u' })
    t.equal(await store.tokens.take('u', start + 10), null, 'it has ended')
  })

  t.test(
    `${kind}: tokens are listed in pages, ended by their ids, and forgotten a while after they are over`,
    async (t) => {
      const store = await openWithHost(t, kind)
      const [first, second, third] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string]
      const rules = { namePattern: null, createdBy: 'admin', agentId: null, usedAt: null, usesLeft: 1, expiresAt: null }
      for (const [place, hash] of [first, second, third].entries())
        await store.tokens.add({ ...rules, hash, createdAt: start + place })
      await store.tokens.add({ ...rules, hash: 'd'.repeat(64), createdAt: start + 3, agentId: agent.id })
      const hashes = async (page: Page) => (await store.tokens.list(page)).map(({ hash }) => hash[0])

      t.same(await hashes({ limit: 2 }), ['a', 'b'])
      t.same(await hashes({ after: 'b'.repeat(16), limit: 9 }), ['c', 'd'])
      t.match((await store.tokens.list({ limit: 9 }))[3], { agentName: 'mail-1', usedAt: null })
      await store.tokens.take(first, start + 100)
      await store.tokens.addRegistration({ keyHash: 'k', tokenHash: first, agentId: agent.id })
      t.equal(await store.tokens.end('a'.repeat(16), start + 100), false, 'it was used up')
      t.equal(await store.tokens.end('b'.repeat(16), start + 50), true)
      t.equal(await store.tokens.end('b'.repeat(16), start + 50), false)
      t.equal(await store.tokens.take(second, start + 50), null)
      t.equal(await store.tokens.forget(start + 49), 0)
      t.equal(await store.tokens.forget(start + 50), 1)
      t.same(await hashes({ limit: 9 }), ['a', 'c', 'd'])
      t.match(await store.tokens.registered('k', first), { id: agent.id })
      t.equal(await store.tokens.forget(start + 100), 1)
      t.equal(await store.tokens.registered('k', first), null)
      t.equal(await store.tokens.forget(Number.MAX_SAFE_INTEGER), 0, 'what is good stays')
    },
  )

  t.test(`${kind}: a credential is found until it is revoked`, async (t) => {
    const store = await openWithHost(t, kind)
    for (const hash of ['old', 'new'])
      await store.credentials.add({
        hash,
        agentId: agent.id,
        createdAt: start,
        usedAt: null,
        revokedAt: null,
        kind: 'secret',
        expiresAt: null,
      })

    t.equal(await store.credentials.wereUsed(agent.id, start), false)
    await store.credentials.use('new', start + 1)
    await store.credentials.use('new', start + 2)
    t.equal(await store.credentials.wereUsed(agent.id, start), true)
    t.match(await store.credentials.find('new'), { credential: { usedAt: start + 1 }, agent: { id: agent.id } })
    t.equal(await store.credentials.revoke(agent.id, start + 3, 'new'), 1)
    t.equal(await store.credentials.find('old'), null)
    t.ok(await store.credentials.find('new'))
  })

  t.test(`${kind}: twenty claims at once get each job once, by any number of connections`, async (t) => {
    const store = await openWithHost(t, kind)
    for (let count = 0; count < 30; count += 1) await store.jobs.add(deployment(`job-${count}`))
    const claim = { agentId: agent.id, at: start, leaseMs: null, limit: 2 }

    const claims = await Promise.all(Array.from({ length: 20 }, () => store.jobs.claim(claim)))

    const ids = claims.flat().map(({ id }) => id)
    const rest = (await store.jobs.claim({ ...claim, limit: 100 })).map(({ id }) => id)
    t.equal(new Set([...ids, ...rest]).size, 30)
    t.equal(ids.length + rest.length, 30)
    t.same(await store.jobs.claim(claim), [])
  })

  t.test(`${kind}: a lease that ran out before any Running is offered again, one after it is not`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.jobs.add(deployment('job-1'))
    const claimAt = (at: number) => store.jobs.claim({ agentId: agent.id, at, leaseMs: 1000, limit: 10 })

    t.match(await claimAt(start), [{ attempt: 1, status: 'Pending', leaseUntil: start + 1000 }])
    t.same(await claimAt(start + 999), [])
    t.ok(await store.jobs.renewLease('job-1', agent.id, start + 2000))
    t.same(await claimAt(start + 1999), [])
    t.match(await claimAt(start + 2000), [{ attempt: 2 }])
    t.ok(await store.jobs.start('job-1', agent.id, start + 2001))
    t.same(await claimAt(start + 9_000_000), [])
    t.same(await store.jobs.agentsAtWork(), [], 'the reaper has nothing to say of it')
    t.same(await store.jobs.reap(agent.id, start + 9_000_000, 'silent', start), [])
    t.ok(await store.jobs.finish(failed('job-1')))
    t.notOk(await store.jobs.renewLease('job-1', agent.id, start + 9_000_000))
  })

  t.test(`${kind}: a job is not claimed before its time nor after its deadline`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.jobs.add({ ...deployment('early'), notBefore: start + 10 })
    await store.jobs.add({ ...deployment('late'), deadline: start + 10 })
    const claimAt = (at: number) => store.jobs.claim({ agentId: agent.id, at, leaseMs: null, limit: 10 })

    t.same(await store.jobs.expire(start + 9, past), [])
    t.same(await store.jobs.expire(start + 10, past), ['late'])
    t.match(await store.jobs.byId('late'), { status: 'Failed', error: past.untaken, isReaped: false })
    t.same(await claimAt(start + 9), [])
    t.match(await claimAt(start + 10), [{ id: 'early' }])
  })

  t.test(`${kind}: a claim whose lease ran out ends at its deadline by a guess, which a result corrects`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.jobs.add({ ...deployment('taken'), deadline: start + 100 })
    await store.jobs.claim({ agentId: agent.id, at: start, leaseMs: 10, limit: 1 })

    t.same(await store.jobs.expire(start + 100, past), ['taken'])
    t.match(await store.jobs.byId('taken'), { status: 'Failed', error: past.taken, isReaped: true })
    const result = { id: 'taken', agentId: agent.id, status: 'Completed', error: null, outcome: null } as const
    t.ok(await store.jobs.finish({ ...result, at: start + 200 }))
    t.match(await store.jobs.byId('taken'), { status: 'Completed', error: null, isReaped: false })
  })

  t.test(`${kind}: a job that its host begins by itself is handed out to nobody, whatever its times`, async (t) => {
    const store = await openWithHost(t, kind)
    const byHost = { ...deployment('own'), type: 'TakeBack', isByHost: true } as const
    await store.jobs.add(byHost)
    await store.jobs.add({ ...byHost, id: 'held', notBefore: start - 10, handOutUntil: start + 10 })
    await store.jobs.add({ ...byHost, id: 'late', deadline: start + 10 })
    const claim = { agentId: agent.id, at: start, leaseMs: 1000, limit: 10 }

    t.same(await store.jobs.claim(claim), [])
    t.same((await store.jobs.newsFor(agent.id, start)).work, new Set())
    t.same(await store.jobs.agentsWithWork(start, new Set([agent.id])), [])
    t.notOk(await store.jobs.beginByHost('own', 'agent-2', start))
    t.ok(await store.jobs.beginByHost('own', agent.id, start + 1))
    t.ok(await store.jobs.beginByHost('own', agent.id, start + 2))
    t.match(await store.jobs.byId('own'), { status: 'Running', attempt: 1, updatedAt: start + 2, leaseUntil: null })
    t.same(await store.jobs.expire(start + 10, past), ['late'])
    t.match(await store.jobs.byId('late'), { status: 'Cancelled', error: past.untaken })
    t.notOk(await store.jobs.beginByHost('late', agent.id, start))
    t.same(await store.jobs.reap(agent.id, start + 2, 'silent', start + 9), ['own'])
    t.notOk(await store.jobs.beginByHost('own', agent.id, start))
    await store.jobs.add(deployment('job-1'))
    t.notOk(await store.jobs.beginByHost('job-1', agent.id, start))
  })

  t.test(`${kind}: what a host only asked for says nothing of where a certificate is`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.certificates.add({ ...certificate, id: 'cert-2' }, [target.id])
    const add = async (id: string, certificateId: string, isByHost: boolean): Promise<void> => {
      await store.jobs.add({ ...deployment(id), type: 'TakeBack', certificateId, isByHost })
    }
    const complete = (id: string) => store.jobs.finish({ ...failed(id), status: 'Completed', error: null })
    await add('first', certificate.id, false)
    await complete('first')
    await add('second', 'cert-2', false)
    await complete('second')
    await add('asked', certificate.id, true)

    t.same(await store.certificates.stillDeployedTo(certificate.id), [])
    await complete('asked')
    t.same(await store.certificates.stillDeployedTo(certificate.id), [target.id])
  })

  t.test(`${kind}: the first final state stays, but for the guess of the reaper`, async (t) => {
    const store = await openWithHost(t, kind)
    for (const id of ['done', 'reaped']) await store.jobs.add(deployment(id))
    await store.jobs.claim({ agentId: agent.id, at: start, leaseMs: null, limit: 10 })

    t.ok(
      await store.jobs.finish({
        ...failed('done'),
        status: 'Completed',
        error: null,
        outcome: { outcome: 'deployed' },
      }),
    )
    t.notOk(await store.jobs.finish(failed('done')))
    t.notOk(await store.jobs.finish({ ...failed('reaped'), agentId: 'agent-2' }))
    t.match(await store.jobs.agentsAtWork(), [{ agentId: agent.id, seenAt: null }])
    t.same(await store.jobs.reap(agent.id, start, 'silent', start + 1), ['reaped'])
    t.notOk(await store.jobs.start('reaped', agent.id, start + 2))
    t.match(await store.jobs.byId('reaped'), { status: 'Failed', error: 'silent', isReaped: true })
    t.ok(await store.jobs.finish({ ...failed('reaped'), status: 'Completed', error: null }))
    t.notOk(await store.jobs.finish(failed('reaped')))
    t.match(await store.jobs.byId('reaped'), { status: 'Completed', error: null, isReaped: false })
    t.match(await store.jobs.byId('done'), { status: 'Completed', outcome: { outcome: 'deployed' } })
  })

  t.test(`${kind}: of old jobs those go that a later one of their kind made the past, part by part`, async (t) => {
    const store = await openWithHost(t, kind)
    for (const id of ['well', 'unwell', 'newest', 'failed', 'open']) await store.jobs.add(deployment(id))
    for (const id of ['well', 'newest'])
      await store.jobs.finish({ ...failed(id), status: 'Completed', error: null, at: start })
    for (const id of ['unwell', 'failed']) await store.jobs.finish({ ...failed(id), at: start })
    await store.jobs.add(deployment('young'))
    await store.jobs.finish({ ...failed('young'), at: start + 100 })
    const seqOf = async (id: string): Promise<number | undefined> => (await store.jobs.byId(id))?.seq

    const second = await seqOf('unwell')
    t.equal(await store.jobs.forget(start, 0, 100), null, 'none is so old')
    t.equal(await store.jobs.forget(start + 50, 0, 2), second)
    t.equal(await store.jobs.forget(start + 50, second ?? 0, 100), await seqOf('open'))
    t.same(
      (await store.jobs.list({ limit: 10 })).map(({ id }) => id),
      ['young', 'open', 'failed', 'newest'],
    )
  })

  t.test(`${kind}: of two reports that come at once one is the first`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.jobs.add(deployment('job-1'))

    const taken = await Promise.all(
      (['Completed', 'Failed', 'Cancelled', 'Failed'] as const).map((status) =>
        store.jobs.finish({ ...failed('job-1'), status }),
      ),
    )

    t.equal(taken.filter(Boolean).length, 1)
  })

  t.test(`${kind}: what nobody had is cancelled at once, what somebody has is asked for`, async (t) => {
    const store = await openWithHost(t, kind)
    for (const id of ['had', 'free']) await store.jobs.add(deployment(id))
    await store.jobs.claim({ agentId: agent.id, at: start, leaseMs: 1000, limit: 1 })

    t.equal(await store.jobs.cancel('free', start), 'Cancelled')
    t.equal(await store.jobs.cancel('had', start), 'Pending')
    t.equal(await store.jobs.cancel('free', start), null)
    t.same(await store.jobs.cancelRequests(agent.id), ['had'])
    t.same((await store.jobs.newsFor(agent.id, start)).cancel, ['had'])
    t.ok(await store.jobs.finish({ ...failed('had'), status: 'Cancelled' }))
    t.same(await store.jobs.cancelRequests(agent.id), [])
  })

  t.test(
    `${kind}: what would bring a revoked version is handed out to nobody, and cancelled where nobody had it`,
    async (t) => {
      const store = await openWithHost(t, kind)
      await store.versions.add(version)
      await store.jobs.add(deployment('had'))
      const claim = { agentId: agent.id, leaseMs: 1000, limit: 10 }
      await store.jobs.claim({ ...claim, at: start })
      await store.versions.add({ ...version, number: 2 })
      for (const id of ['newest', 'other']) await store.jobs.add(deployment(id))
      await store.jobs.add({ ...deployment('back'), type: 'TakeBack', versionNumber: 1 })
      await store.jobs.add({ ...deployment('look'), type: 'Validation' })
      await store.versions.revoke(certificate.id, 2, start)
      const at = start + 1001

      t.same(await store.jobs.agentsWithWork(at, new Set([agent.id])), [agent.id])
      t.same((await store.jobs.cancelRevoked(certificate.id, 'revoked', at)).toSorted(), ['newest', 'other'])
      t.match(await store.jobs.byId('newest'), { status: 'Cancelled', error: 'revoked', isReaped: false })
      t.match(await store.jobs.claim({ ...claim, at }), [{ id: 'back' }, { id: 'look' }])
      await store.versions.add({ ...version, number: 3 })
      t.match(await store.jobs.claim({ ...claim, at }), [{ id: 'had', attempt: 2 }])
    },
  )

  t.test(`${kind}: a job that is ended by word takes a result after all, and is not offered again`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.jobs.add(deployment('job-1'))
    const claimAt = (at: number) => store.jobs.claim({ agentId: agent.id, at, leaseMs: 1000, limit: 10 })
    await claimAt(start)

    t.ok(await store.jobs.end('job-1', 'gone', start + 1))
    t.notOk(await store.jobs.end('job-1', 'again', start + 2))
    t.notOk(await store.jobs.end('job-0', 'none', start + 2))
    t.same(await claimAt(start + 9_000_000), [])
    t.match(await store.jobs.byId('job-1'), { status: 'Failed', error: 'gone', updatedAt: start + 1 })
    t.notOk(await store.jobs.start('job-1', agent.id, start + 3))
    t.ok(await store.jobs.finish({ ...failed('job-1'), status: 'Completed', error: null }))
    t.notOk(await store.jobs.end('job-1', 'late', start + 9))
  })

  t.test(
    `${kind}: of a retired agent what it never had is cancelled, and the rest ends when it is silent`,
    async (t) => {
      const store = await openWithHost(t, kind)
      await store.agents.add({ ...agent, id: 'agent-2', name: 'mail-2' })
      for (const id of ['had', 'waits']) await store.jobs.add(deployment(id))
      await store.jobs.add({ ...deployment('csr'), type: 'Issuance', status: 'AwaitingCSR', targetId: null })
      await store.jobs.add({ ...deployment('other'), agentId: 'agent-2' })
      await store.jobs.claim({ agentId: agent.id, at: start, leaseMs: 1000, limit: 1 })
      await store.presence.record([{ agentId: agent.id, seenAt: start, heartbeatAt: null }])
      const end = (heardAt: number) => store.jobs.endOfRetired(heardAt, 'silent', heardAt)

      t.same(await end(start + 1), [], 'it is not retired')
      await store.agents.retire(agent.id)
      t.same((await store.jobs.cancelUntaken(agent.id, 'retired', start)).toSorted(), ['csr', 'waits'])
      t.same(await end(start), [], 'it was heard')
      t.same(await end(start + 1), ['had'])
      t.match(await store.jobs.byId('had'), { status: 'Failed', error: 'silent', isReaped: true })
      t.match(await store.jobs.byId('csr'), { status: 'Cancelled', error: 'retired' })
      t.match(await store.jobs.byId('other'), { status: 'Pending' })
    },
  )

  t.test(`${kind}: one issuance of a certificate is open, and its renewal is due when none is`, async (t) => {
    const store = await openWithHost(t, kind)
    const issuance: NewJob = { ...deployment('one'), type: 'Issuance', status: 'AwaitingCSR', targetId: null }
    await store.certificates.plan(certificate.id, { nextRenewalAt: start, renewalFailures: 0, lastError: null })
    const due = () => store.transaction((inside) => inside.certificates.due(start, 10))

    t.match(await due(), [{ id: certificate.id }])
    t.same(
      (await Promise.all(['one', 'two', 'three'].map((id) => store.jobs.add({ ...issuance, id })))).filter(Boolean),
      [true],
    )
    t.same(await due(), [])
    t.match(await store.jobs.awaitingCsr(agent.id, start, 10), [{ type: 'Issuance' }])
    const { id = '' } = (await store.jobs.lastIssuance(certificate.id)) ?? {}
    t.ok(await store.jobs.move(id, ['AwaitingCSR'], 'Running', start))
    t.notOk(await store.jobs.move(id, ['AwaitingCSR'], 'Running', start))
    t.ok(await store.jobs.move(id, ['Running'], 'Completed', start))
    t.match(await due(), [{ id: certificate.id }])
    t.ok(await store.jobs.add({ ...issuance, id: 'four', type: 'Renewal' }))
  })

  t.test(`${kind}: of the CSRs that are due the one whose certificate is needed first is signed first`, async (t) => {
    const store = await openWithHost(t, kind)
    const ends = { 'ends-last': 9 * dayMs, 'ends-first': dayMs / 2, 'ends-next': 2 * dayMs }
    for (const [id, life] of Object.entries(ends)) {
      await store.certificates.add({ ...certificate, id, commonName: `${id}.example.net` }, [])
      await store.versions.add({ ...version, certificateId: id, notAfter: start + life })
      await store.signings.add({ ...signing, id, certificateId: id })
    }
    await store.certificates.add({ ...certificate, id: 'new', commonName: 'new.example.net' }, [])
    await store.signings.add({ ...signing, id: 'new', certificateId: 'new', nextTryAt: start - 1 })

    const taken = await store.signings.take(start, start + 1000, 3)
    t.same(
      taken.map(({ id }) => id),
      ['ends-first', 'new', 'ends-next'],
      'a first certificate comes behind what ends within a day',
    )
    t.match(taken[0], { ...signing, id: 'ends-first', certificateId: 'ends-first', nextTryAt: start + 1000 })
    t.match(await store.signings.take(start, start + 1000, 3), [{ id: 'ends-last' }])
  })

  t.test(`${kind}: one CSR of a certificate and key is on its way, and is taken by one server`, async (t) => {
    const store = await openWithHost(t, kind)

    t.ok(await store.signings.add(signing))
    t.notOk(await store.signings.add({ ...signing, id: 'signing-2' }))
    t.ok(await store.signings.add({ ...signing, id: 'signing-2', spki: 'other' }))
    const taken = await Promise.all([1, 2, 3].map(() => store.signings.take(start, start + 1000, 10)))
    t.same(
      taken
        .flat()
        .map(({ id }) => id)
        .toSorted(),
      ['signing-1', 'signing-2'],
    )
    t.match(await store.signings.take(start + 1000, start + 2000, 10), [{ attempts: 0 }, { attempts: 0 }])
    await store.signings.wait('signing-2', start + 4000, 'for the CA')
    t.match(await store.signings.byId('signing-2'), { attempts: 0, nextTryAt: start + 4000 }, 'to wait is no failure')
    await store.signings.putOff('signing-2', start + 5000, 'the issuer is down')
    await store.signings.hasten(certificate.id, start + 1500)
    t.same(
      (await store.signings.take(start + 1500, start + 5000, 10)).map(({ id }) => id),
      ['signing-2'],
      'what did not fail is left to who has it',
    )
    t.ok(await store.signings.end('signing-1', 'signed', null))
    t.notOk(await store.signings.end('signing-1', 'failed', 'late'))
    t.equal(await store.signings.open(certificate.id, 'ab'), null)
    t.match(await store.signings.byId('signing-2'), { state: 'open', attempts: 1, error: 'the issuer is down' })
    t.ok(await store.signings.add({ ...signing, id: 'signing-3' }), 'the same key may come again')
  })

  t.test(`${kind}: lists come in pages`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.agents.add({ ...agent, id: 'agent-0', name: 'mail-0' })
    await store.presence.record([{ agentId: 'agent-0', seenAt: start, heartbeatAt: null }])
    for (let count = 0; count < 5; count += 1) await store.jobs.add(deployment(`job-${count}`))

    const [first, second] = [await store.jobs.list({ limit: 2 }), await store.jobs.list({ limit: 9 })]
    const rest = await store.jobs.list({ after: String(first[1]?.seq), limit: 9 })
    t.same(
      first.map(({ id }) => id),
      ['job-4', 'job-3'],
    )
    t.same([...first, ...rest], second)
    t.match(first[0], { agentName: 'mail-1', targetName: 'postfix', commonName: 'mail.example.net' })
    t.match(await store.agents.list({ limit: 1 }), [{ id: 'agent-0', seenAt: start }])
    t.match(await store.agents.list({ after: 'agent-0', limit: 9 }), [{ id: 'agent-1', seenAt: null }])
    t.match(await store.targets.list({ limit: 9 }), [{ ...target, agentName: 'mail-1', drift: null }])
    t.same(await store.targets.list({ after: 'postfix', limit: 9 }), [])
  })

  t.test(`${kind}: what drifts stands at its target until it is in order`, async (t) => {
    const store = await openWithHost(t, kind)
    const drift = { targetId: target.id, reasons: ['/a is gone.'], since: 'then' }

    await store.targets.setDrift(drift)
    t.match(await store.targets.list({ limit: 9 }), [{ drift }])
    await store.targets.setDrift({ ...drift, reasons: [] })
    t.match(await store.targets.list({ limit: 9 }), [{ drift: null }])
  })

  t.test(`${kind}: who was heard last stays so, whichever server writes later`, async (t) => {
    const store = await openWithHost(t, kind)
    const row = { agentId: agent.id, seenAt: start + 10, heartbeatAt: start + 10 }

    await store.presence.record([row])
    await store.presence.record([{ ...row, seenAt: start, heartbeatAt: null }])

    t.same(await store.presence.of(agent.id), row)
  })

  t.test(`${kind}: all who were heard in one second are written, however many`, async (t) => {
    const store = await openWithHost(t, kind)
    const ids = Array.from({ length: 300 }, (_, at) => `agent-${at}`)
    await store.transaction(async (inside) => {
      for (const id of ids) await inside.agents.add({ ...agent, id, name: id })
    })
    const rows = ids.map((agentId, at) => ({ agentId, seenAt: start + at, heartbeatAt: at % 2 === 0 ? null : start }))

    await store.presence.record(rows)

    for (const row of rows) t.same(await store.presence.of(row.agentId), row)
    await t.resolves(store.presence.record([]))
  })

  t.test(`${kind}: what was written by a clock that was ahead is of now, and nothing waits for it`, async (t) => {
    const store = await openWithHost(t, kind)
    const ahead = start + 30 * 86_400_000
    await store.versions.add({ ...version, issuedAt: ahead })
    await store.jobs.add({ ...deployment('job-1'), createdAt: ahead })
    await store.jobs.move('job-1', ['Pending'], 'Completed', ahead)
    const order = { id: 'order-1', signingId: 'signing-1', issuer: 'ca', certificateId: certificate.id, names: 'a' }
    const failed = { state: 'failed', url: null, proofs: [], failedNames: '', error: null } as const
    await store.acmeOrders.begin(
      { ...order, ...failed, createdAt: ahead, endedAt: ahead, leaseUntil: ahead, tidyAt: ahead },
      { sameNames: null, registeredDomain: null, orders: null, failures: null },
      [],
    )
    const told = { nextTryAt: ahead, failures: 1, error: null, toldAt: null }
    await store.revocations.add({ certificateId: certificate.id, number: 1, reason: 'unspecified', ...told })

    await store.server.forgetFuture(start, start + 1000)

    const job = await store.jobs.byId('job-1')
    t.match(job, { status: 'Completed', updatedAt: start })
    t.ok((job?.createdAt ?? start) < start, 'it was made before all that is done since')
    t.ok(((await store.versions.newest(certificate.id))?.issuedAt ?? start) < start)
    t.equal((await store.revocations.take(start, start + 1, 9)).length, 1)
    t.match(await store.acmeOrders.untidy('ca', start, start + 1, 9), [
      { createdAt: start, endedAt: start, leaseUntil: start },
    ])
  })

  t.test(`${kind}: a server whose lease of an order ran out does not end the lease of the next one`, async (t) => {
    const store = await openWithHost(t, kind)
    const order = { id: 'order-1', signingId: 'signing-1', issuer: 'ca', certificateId: certificate.id, names: 'a' }
    const open = { state: 'open', url: null, proofs: [], failedNames: '', error: null, endedAt: null } as const
    await store.acmeOrders.begin(
      { ...order, ...open, createdAt: start, leaseUntil: null, tidyAt: null },
      { sameNames: null, registeredDomain: null, orders: null, failures: null },
      [],
    )
    const lease = async (at: number) => (await store.acmeOrders.lease('order-1', at, at + 10)) !== null

    t.ok(await lease(start))
    t.notOk(await lease(start + 9))
    t.ok(await lease(start + 10))
    await store.acmeOrders.release('order-1', start + 10)
    await store.acmeOrders.extend('order-1', start + 10, start + 99)
    t.notOk(await lease(start + 11), 'the slow one let go of its own alone')
    await store.acmeOrders.extend('order-1', start + 20, start + 30)
    t.notOk(await lease(start + 29), 'the other one has it for longer')
    await store.acmeOrders.release('order-1', start + 30)
    t.ok(await lease(start + 11))
  })

  t.test(`${kind}: the time without a gap begins anew after one`, async (t) => {
    const { server } = await open(t, kind)

    await server.alive(start, 1000)
    await server.alive(start + 1000, 1000)
    t.equal(await server.upSince(), start)
    await server.alive(start + 2001, 1000)
    t.equal(await server.upSince(), start + 2001)
  })

  t.test(`${kind}: what was done is read in the order of its chain`, async (t) => {
    const store = await open(t, kind)
    const entry = { at: start, actor: 'server', action: 'x', subject: 'y', details: { z: 1 } }
    await store.audit.append(entry)
    await store.audit.append({ ...entry, action: 'w' })

    t.same(await store.audit.list({ limit: 9 }), [], 'neither has its place yet')
    t.equal(await store.audit.chain(9), 2)
    const [first] = await store.audit.list({ limit: 1 })
    t.match(first, { ...entry, link: 1 })
    t.match(await store.audit.list({ after: String(first?.link), limit: 9 }), [{ action: 'w', link: 2 }])
    t.match(await store.audit.head(), { action: 'w', link: 2, previousHash: first?.hash })
  })

  t.test(`${kind}: lists are of one agent, one target or one state where that is asked for`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.agents.add({ ...agent, id: 'agent-2', name: 'mail-2' })
    await store.agents.retire('agent-2')
    await store.jobs.add(deployment('job-1'))
    await store.jobs.add({ ...deployment('job-2'), targetId: null })
    await store.jobs.finish(failed('job-1'))
    const page = { limit: 9 }
    const idsOf = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id)

    t.same(idsOf(await store.agents.list(page, { status: 'retired' })), ['agent-2'])
    t.same(idsOf(await store.targets.list(page, { agentId: 'agent-2' })), [])
    t.same(idsOf(await store.targets.list(page, { agentId: agent.id })), [target.id])
    t.same(idsOf(await store.jobs.list(page, { agentId: agent.id })), ['job-2', 'job-1'])
    t.same(idsOf(await store.jobs.list(page, { targetId: target.id })), ['job-1'])
    t.same(idsOf(await store.jobs.list(page, { agentId: 'agent-2', status: 'Failed' })), [])
    t.same(idsOf(await store.jobs.list(page, { status: 'Failed' })), ['job-1'])
    t.same(await store.jobs.countOpen(), [{ status: 'Pending', count: 1 }])
  })

  t.test(`${kind}: a job is handed out until its time is over, and then between other times`, async (t) => {
    const store = await openWithHost(t, kind)
    const waits = new Set([agent.id])
    await store.jobs.add({ ...deployment('job-1'), notBefore: start + 10, handOutUntil: start + 20 })
    await store.jobs.add({ ...deployment('csr'), type: 'Renewal', status: 'AwaitingCSR', handOutUntil: start + 20 })
    const claimAt = (at: number) => store.jobs.claim({ agentId: agent.id, at, leaseMs: 1000, limit: 9 })
    const isWork = async (at: number) => (await store.jobs.newsFor(agent.id, at)).work.size

    t.equal(await isWork(start + 19), 2)
    t.equal((await store.jobs.awaitingCsr(agent.id, start + 19, 9)).length, 1)
    t.equal(await isWork(start + 20), 0)
    t.same(await claimAt(start + 20), [])
    t.same(await store.jobs.awaitingCsr(agent.id, start + 20, 9), [])
    t.same(await store.jobs.agentsWithWork(start + 20, waits), [])
    t.ok(await store.jobs.postpone('job-1', start + 30, start + 40))
    t.same(await claimAt(start + 29), [])
    t.match(await claimAt(start + 30), [{ id: 'job-1', notBefore: start + 30, handOutUntil: start + 40 }])
    t.notOk(await store.jobs.postpone('job-1', null, null), 'an agent has it')
    t.ok(await store.jobs.postpone('csr', null, null))
    t.equal((await store.jobs.awaitingCsr(agent.id, start + 99, 9)).length, 1)
  })

  t.test(`${kind}: a roll-out is kept with its targets, and its name is taken for ever`, async (t) => {
    const store = await openWithHost(t, kind)
    const { rollouts } = store

    t.ok(await rollouts.add(rollout, [onTarget]))
    t.notOk(await rollouts.add({ ...rollout, id: 'rollout-2' }, []))
    t.same(await rollouts.named('november'), rollout)
    t.same(await rollouts.lock('rollout-1'), rollout)
    t.equal(await rollouts.lock('rollout-0'), null)
    t.same(await rollouts.waiting('rollout-1', 1, 9), [onTarget])
    t.same(await rollouts.ofCertificate('rollout-1', certificate.id), [onTarget])
    t.equal(await rollouts.busyWith([target.id, 'target-0']), 'november')
    t.same(await rollouts.live(), ['rollout-1'])
    await rollouts.changeTarget(onTarget, { state: 'failed', error: 'no', jobId: 'job-1' })
    t.match(await rollouts.ofJob('job-1'), [{ targetId: target.id }])
    t.ok(await rollouts.holds('job-1'))
    t.same(await rollouts.waveCounts('rollout-1'), [{ wave: 1, hosts: 1, failed: 1 }])
    t.same(await rollouts.waveStates('rollout-1'), [{ wave: 1, state: 'failed', targets: 1, hosts: 1 }])
    t.match(await rollouts.listTargets('rollout-1', { limit: 9 }, 'failed'), [
      { agentName: 'mail-1', targetName: 'postfix' },
    ])
    t.same(await rollouts.listTargets('rollout-1', { after: target.id, limit: 9 }), [])
    t.same(await rollouts.countTargets(), [{ state: 'failed', count: 1 }])
    await rollouts.forgive('rollout-1', null)
    t.same(await rollouts.waveCounts('rollout-1'), [{ wave: 1, hosts: 1, failed: 0 }])
    await rollouts.forgive('rollout-1', 3)
    t.same(await rollouts.waiting('rollout-1', 3, 9), [{ ...onTarget, wave: 3 }], 'to be tried again')
    await rollouts.change('rollout-1', { state: 'done', endedAt: start + 9 })
    t.equal(await rollouts.busyWith([target.id]), null)
    t.same(await rollouts.live(), [])
    t.same(await rollouts.countByState(), [{ state: 'done', count: 1 }])
    await rollouts.add({ ...rollout, id: 'rollout-3', name: 'later', createdAt: start + 1 }, [])
    t.match(await rollouts.list({ limit: 1 }), [{ name: 'later' }])
    t.match(await rollouts.list({ after: 'later', limit: 9 }), [{ name: 'november', endedAt: start + 9 }])
    t.same(await rollouts.names(), ['later', 'november'])
  })

  t.test(
    `${kind}: of a roll-out that stops what nobody has ends, its CSRs among it, and nothing of others`,
    async (t) => {
      const store = await openWithHost(t, kind)
      const targets = ['deployed', 'had', 'runs', 'asked', 'signed', 'joined'].map((id) => ({
        ...target,
        id,
        name: id,
      }))
      for (const one of targets) await store.targets.add(one)
      for (const [id, of] of [
        ['asked', 'c-1'],
        ['signed', 'c-2'],
        ['joined', 'c-3'],
      ] as const) {
        await store.certificates.add({ ...certificate, id: of }, [])
        await store.jobs.add({
          ...deployment(id),
          type: 'Renewal',
          status: 'AwaitingCSR',
          targetId: null,
          certificateId: of,
        })
      }
      for (const id of ['had', 'runs']) await store.jobs.add(deployment(id))
      await store.jobs.claim({ agentId: agent.id, at: start, leaseMs: 1000, limit: 9 })
      await store.jobs.start('runs', agent.id, start)
      await store.jobs.add(deployment('deployed'))
      await store.jobs.move('signed', ['AwaitingCSR'], 'Running', start)
      await store.signings.add({ ...signing, certificateId: 'c-2', jobId: 'signed' })
      const rows = targets.map(({ id }) => {
        const job = ['asked', 'signed', 'joined'].includes(id) ? { issuanceId: id } : { jobId: id }
        return {
          ...onTarget,
          targetId: id,
          state: 'open',
          issuanceId: null,
          jobId: null,
          ...job,
          isJoined: id === 'joined',
        } as const
      })
      await store.rollouts.add(rollout, rows)

      t.equal(await store.transaction((inside) => inside.rollouts.cancelUntaken('rollout-1', 'stopped', start + 5)), 3)

      const state = async (id: string) => (await store.jobs.byId(id))?.status
      t.same(await Promise.all(targets.map(({ id }) => state(id))), [
        'Cancelled',
        'Pending',
        'Running',
        'Cancelled',
        'Cancelled',
        'AwaitingCSR',
      ])
      t.same(await store.jobs.cancelRequests(agent.id), ['had'])
      t.match(await store.signings.byId('signing-1'), { state: 'failed', error: 'stopped' })
      t.same(
        (await store.rollouts.listTargets('rollout-1', { limit: 9 })).map(({ targetId, state: of }) => [targetId, of]),
        [
          ['asked', 'waiting'],
          ['deployed', 'waiting'],
          ['had', 'open'],
          ['joined', 'open'],
          ['runs', 'open'],
          ['signed', 'waiting'],
        ],
      )
    },
  )

  t.test(`${kind}: agents are labelled, and listed with what they have by all the labels asked for`, async (t) => {
    const store = await openWithHost(t, kind)
    await store.agents.add({ ...agent, id: 'agent-2', name: 'mail-2' })
    const [mx, fra, ham] = [
      { name: 'role', value: 'mx' },
      { name: 'site', value: 'fra=a:1' },
      { name: 'site', value: 'ham' },
    ] as const
    for (const label of [mx, ham, fra]) await store.labels.set(agent.id, label)
    await store.labels.set('agent-2', mx)
    const agents = async (...labels: readonly Label[]) =>
      (await store.agents.list({ limit: 9 }, { status: 'active', labels })).map(({ id }) => id)

    t.same(await store.labels.of(agent.id), { role: 'mx', site: 'fra=a:1' })
    t.match(await store.agents.list({ limit: 9 }), [
      { id: 'agent-1', labels: { role: 'mx', site: 'fra=a:1' } },
      { id: 'agent-2', labels: { role: 'mx' } },
    ])
    t.same(await agents(mx), ['agent-1', 'agent-2'])
    t.same(await agents(mx, fra), ['agent-1'])
    t.same(await agents(mx, ham), [])
    t.match(await store.targets.list({ limit: 9 }, { labels: [mx, fra] }), [{ id: target.id }])
    t.same(await store.targets.list({ limit: 9 }, { labels: [ham] }), [])
    t.match(await store.certificates.list({ limit: 9 }, [fra]), [{ id: certificate.id }])
    t.same(await store.certificates.list({ limit: 9 }, [ham]), [])
    t.ok(await store.labels.isThere(fra))
    t.notOk(await store.labels.isThere(ham))
    t.same(await store.labels.known(), [mx, fra])
    t.ok(await store.labels.remove(agent.id, 'site'))
    t.notOk(await store.labels.remove(agent.id, 'site'))
    t.same(await store.labels.of(agent.id), { role: 'mx' })
  })
}

t.test('PostgreSQL: servers that open an empty database at once all find their tables', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const database = await postgres.newDatabase()

    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore({ dataDir: '', database })))

    for (const store of stores) t.same(await store.agents.list({ limit: 1 }), [])
    await Promise.all(stores.map((store) => store.close()))
  }
})

t.test('PostgreSQL: the time is that of the database', async (t) => {
  const store = await openStore({ dataDir: '', database: await postgres.newDatabase() })
  t.teardown(() => store.close())

  const [before, now, after] = [Date.now(), await store.now(), Date.now()]

  t.ok(now >= before - 1000 && now <= after + 1000)
})

t.test('PostgreSQL: what was answered is there after it was killed, and the store comes back by itself', async (t) => {
  const own: Postgres = await startPostgres(t)
  const store = await openStore({ dataDir: '', database: await own.newDatabase(), now: () => start })
  t.teardown(() => store.close())
  await store.agents.add(agent)

  await own.kill()
  await t.rejects(store.agents.retire(agent.id), { code: 'DATABASE_UNREACHABLE' })
  await t.rejects(
    store.transaction((inside) => inside.agents.retire(agent.id)),
    { code: 'DATABASE_UNREACHABLE' },
  )
  await own.start()

  t.same(await store.agents.named(agent.id), agent)
})

t.test('SQLite: the store outside of a transaction is refused inside of it, for it would wait for ever', async (t) => {
  const store = await open(t, 'SQLite')

  await t.rejects(
    store.transaction(() => store.agents.names()),
    { message: /outside of a transaction/ },
  )
})

t.test('a database that is not one of PostgreSQL is refused', async (t) => {
  await t.rejects(openStore({ dataDir: '', database: 'mysql://localhost' }), { code: 'CONFIG_INVALID' })
})

async function open(t: Test, kind: 'SQLite' | 'PostgreSQL'): Promise<Store> {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const store = await openStore({ dataDir: t.testdir({}), database, now: () => start })
  t.teardown(() => store.close())
  return store
}

async function openWithHost(t: Test, kind: 'SQLite' | 'PostgreSQL'): Promise<Store> {
  const store = await open(t, kind)
  await store.agents.add(agent)
  await store.targets.add(target)
  await store.certificates.add(certificate, [target.id, target.id])
  return store
}

function deployment(id: string): NewJob {
  return {
    id,
    type: 'Deployment',
    status: 'Pending',
    agentId: agent.id,
    certificateId: certificate.id,
    targetId: target.id,
    versionNumber: null,
    createdAt: start,
  }
}

function failed(id: string) {
  return { id, agentId: agent.id, status: 'Failed', error: 'reload failed', outcome: null, at: start + 5 } as const
}
