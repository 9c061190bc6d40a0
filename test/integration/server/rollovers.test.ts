import t, { type Test } from 'tap'
import { recordOf, type TlsaRecord } from '../../../src/server/dane/tlsa.ts'
import { chainAudit } from '../../../src/server/operation/audit-trail.ts'
import { turnRolloverOff, turnRolloverOn } from '../../../src/server/operation/dane/turn-rollover.ts'
import { addJob } from '../../../src/server/operation/job/add-job.ts'
import { expireJobs, reapAgent } from '../../../src/server/operation/job/reap.ts'
import { redeploy } from '../../../src/server/operation/renewal/redeploy.ts'
import { openDaneSite } from '../../support/dane-store-site.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow } from '../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const [minuteMs, hourMs] = [60_000, 3_600_000]
const owner = '_25._tcp.mail.example.net'
const otherOwner = '_993._tcp.mail.example.net'
const agent = agentRow({ features: ['lease', 'cancel'] })
const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(
    `${kind}: a deployment is handed out when its record is everywhere, and the TTL of before is over`,
    async (t) => {
      const site = await openSite(t, kind)
      await site.deploy('key-2')

      await site.advance()
      t.same(site.published, ['key-1'], 'a set with the other key alone is worse than none')
      site.pass(minuteMs)
      await site.advance()
      t.same(site.published, ['key-1', 'key-2'])
      t.same(await site.claim(), [], 'it was seen nowhere yet')
      site.pass(minuteMs)
      await site.advance()
      t.same(await site.claim(), [], 'it was seen, and caches may have what was there before')
      site.pass(hourMs - 1)
      await site.advance()
      t.same(await site.claim(), [])
      site.pass(1000)
      await site.advance()

      t.same(await site.claim(), ['job-2'])
      t.equal(await site.newest(), '2')
    },
  )

  t.test(
    `${kind}: a version that was signed after the claim is withheld until its own record is everywhere`,
    async (t) => {
      const site = await openSite(t, kind)
      await site.deploy('key-2')
      await site.settle()
      t.same(await site.claim(), ['job-2'])

      await site.deploy('key-3')
      await t.rejects(site.newest(), /not everywhere yet/)
      await site.advance()
      await t.rejects(site.newest(), /not everywhere yet/)
      await site.settle()

      t.equal(await site.newest(), '3')
    },
  )

  t.test(`${kind}: a pass is no use after five minutes without a look`, async (t) => {
    const site = await openSite(t, kind)
    await site.deploy('key-2')
    await site.settle()

    site.pass(5 * minuteMs)
    t.same(await site.claim(), [])
    site.dns.problem = 'ns2 gives no answer'
    await site.advance()
    t.same(await site.claim(), [], 'a server that is silent may have anything')
    site.dns.problem = null
    site.pass(minuteMs)
    await site.advance()
    t.same(await site.claim(), ['job-2'])
  })

  t.test(`${kind}: without an answer that DNSSEC vouches for nothing is handed out`, async (t) => {
    const site = await openSite(t, kind)
    site.dns.isBelieved = false
    await site.deploy('key-2')

    await site.settle()
    t.same(await site.claim(), [])
    site.dns.isBelieved = true
    await site.settle()
    t.same(await site.claim(), ['job-2'])
  })

  t.test(`${kind}: the old record goes when the new key was proven, and not before`, async (t) => {
    const site = await openSite(t, kind)
    await site.deploy('key-2')
    await site.settle()
    await site.claim()

    await site.settle()
    t.same(site.there(), ['key-1', 'key-2'], 'nobody has seen it served')
    await site.report('job-2', { outcome: 'deployed', proven: false })
    await site.settle()
    t.same(site.there(), ['key-1', 'key-2'], 'it is in place, and unproven')
    await site.add('Deployment', 2)
    await site.settle()
    await site.claim()
    await site.report('job-3', { outcome: 'unchanged', proven: true })
    await site.settle()
    await site.settle()

    t.same(site.there(), ['key-2'])
    t.same(
      (await site.store.rollovers.records('target-1')).map(({ spki, state }) => `${spki} ${state}`),
      ['key-2 published'],
    )
  })

  t.test(`${kind}: a key whose deployment was rolled back keeps its record for the next try`, async (t) => {
    const site = await openSite(t, kind)
    await site.deploy('key-2')
    await site.settle()
    await site.claim()
    await site.report('job-2', { outcome: 'rolled-back' }, 'Failed')
    await site.settle()
    await site.settle()
    t.same(site.there(), ['key-1', 'key-2'])

    await site.add('Deployment', 2)
    await site.advance()
    t.same(await site.claim(), ['job-3'])
  })

  t.test(`${kind}: a take-back publishes the older key first`, async (t) => {
    const site = await openRolledSite(t, kind)
    t.same(site.there(), ['key-2'])

    await site.add('TakeBack', 1)
    t.same(await site.claim(), [])
    await site.settle()
    t.same(site.there(), ['key-1', 'key-2'])
    t.same(await site.claim(), ['job-3'])
  })

  t.test(
    `${kind}: a rollback on the host publishes the older key first, and is told when it may go back`,
    async (t) => {
      const site = await openRolledSite(t, kind)
      t.same(site.there(), ['key-2'])

      const first = await site.ask('leaf-1')
      t.match(first, { status: 'waiting', names: [{ name: owner, state: 'wanted', usableAt: null }] })
      await site.advance()
      site.pass(minuteMs)
      await site.advance()
      t.same(site.there(), ['key-1', 'key-2'])
      const waiting = await site.ask('leaf-1', first.jobId)
      t.match(waiting, { status: 'waiting', jobId: first.jobId, names: [{ state: 'published', isByHand: false }] })
      t.equal(waiting.names[0]?.usableAt, (await site.store.now()) + hourMs, 'caches may have what was there before')
      site.pass(hourMs)
      await site.advance()
      t.same(await site.claim(), [], 'no agent is handed it')
      t.match(await site.ask('leaf-1', first.jobId), { status: 'ready', jobId: first.jobId })
      t.match(await site.ask('leaf-1'), { status: 'ready', jobId: first.jobId }, 'a second command goes on with it')

      await site.end(first.jobId, 'Completed', { outcome: 'deployed', proven: true })
      await site.settle()
      await site.settle()
      t.same(site.there(), ['key-1', 'key-2'], 'the newest version is tried again')
      t.match(await site.store.rollovers.records('target-1'), [{ spki: 'key-1', state: 'published' }, {}])
      t.match(await site.ask('leaf-1', first.jobId), { status: 'ended' })
    },
  )

  t.test(`${kind}: a host may ask for keys of its own targets alone, and for none that was revoked`, async (t) => {
    const site = await openRolledSite(t, kind)
    const other = agentRow({ id: 'agent-2', name: 'mail-2' })
    await site.store.agents.add(other)
    await site.store.certificates.add(certificateRow({ id: 'cert-3' }), ['other'])
    await site.addVersion({ certificateId: 'cert-3', number: 1, spki: 'key-3', fingerprint: 'leaf-3' })

    t.match(await site.ask('leaf-1', null, other), { status: 'unknown', jobId: null, names: [] })
    t.match(await site.ask('leaf-1', null, agent, 'nothing'), { status: 'unknown' })
    t.match(await site.ask('leaf-3'), { status: 'unknown' }, 'it is deployed elsewhere')
    t.match(await site.ask('leaf-1', null, agent, 'other'), { status: 'off' })
    t.match(await site.ask('leaf-1', 'job-of-nobody'), { status: 'ended' })
    await site.store.versions.revoke('cert-1', 1, await site.store.now())
    t.match(await site.ask('leaf-1'), { status: 'revoked' })

    await site.settle()
    t.same(site.there(), ['key-2'])
    t.same(
      (await site.store.jobs.list({ limit: 9 })).filter(({ isByHost }) => isByHost),
      [],
    )
  })

  t.test(`${kind}: the wish of a host that asks no more ends, and its record goes`, async (t) => {
    const site = await openRolledSite(t, kind)
    const { jobId } = await site.ask('leaf-1')
    await site.advance()
    site.pass(minuteMs)
    await site.advance()
    t.same(site.there(), ['key-1', 'key-2'])

    site.pass(2 * hourMs)
    await expireJobs(site.store)
    t.match(await site.store.jobs.byId(jobId ?? ''), { status: 'Cancelled', attempt: 0 })
    t.match(await site.ask('leaf-1', jobId), { status: 'ended' })
    await site.settle()
    await site.settle()
    t.same(site.there(), ['key-2'])
  })

  t.test(
    `${kind}: a host that was told to go back, and says nothing more, may serve the older key until another is proven`,
    async (t) => {
      const site = await openRolledSite(t, kind)
      const { jobId } = await site.ask('leaf-1')
      await site.settle()
      t.match(await site.ask('leaf-1', jobId), { status: 'ready' })

      site.pass(hourMs)
      await reapAgent(site.store, agent.id, null, start)
      t.match(await site.store.jobs.byId(jobId ?? ''), { status: 'Failed', isReaped: true })
      await site.settle()
      await site.settle()
      t.same(site.there(), ['key-1', 'key-2'])
      site.pass(7 * 24 * hourMs)
      await site.prove('key-3')
      await site.settle()
      await site.settle()
      t.same(site.there(), ['key-3'])
    },
  )

  t.test(
    `${kind}: a wish for another pair ends the one before, and what was given up holds up no deployment`,
    async (t) => {
      const site = await openSite(t, kind)
      await site.prove('key-2')
      await site.prove('key-3')
      await site.deploy('key-4')
      await site.settle()
      await site.claim()
      await site.report('job-4', { outcome: 'rolled-back' }, 'Failed')
      const first = await site.ask('leaf-1')
      const second = await site.ask('leaf-2')
      t.match(await site.store.jobs.byId(first.jobId ?? ''), { status: 'Cancelled' })
      await site.settle()
      t.match(await site.ask('leaf-2'), { status: 'ready', jobId: second.jobId })
      await site.end(second.jobId, 'Cancelled', null)
      await site.settle()
      await site.settle()
      t.same(site.there(), ['key-3', 'key-4'], 'its host did not begin')

      const certificate = await site.store.certificates.byId('cert-1')
      const newest = await site.store.versions.newest('cert-1')
      if (certificate === null || newest === null) throw new Error('they are there')
      await site.store.transaction((inside) => redeploy(inside, certificate, newest))
      t.match(await site.store.jobs.list({ limit: 1 }), [{ type: 'Deployment', versionNumber: 4, status: 'Pending' }])
    },
  )

  t.test(`${kind}: a record that matches already is enough, and is left alone`, async (t) => {
    const site = await openSite(t, kind, [recordOf('key-1'), recordOf('key-2')])
    await site.deploy('key-2')

    await site.settle()

    t.same(site.published, [])
    t.same(await site.claim(), ['job-2'])
  })

  t.test(`${kind}: a record that somebody removes is published again, and waited for anew`, async (t) => {
    const site = await openSite(t, kind)
    await site.deploy('key-2')
    await site.settle()

    site.dns.records = [recordOf('key-1')]
    site.pass(2 * minuteMs)
    await site.advance()
    t.same(await site.claim(), [])
    t.same(site.there(), ['key-1', 'key-2'])
    await site.settle()
    t.same(await site.claim(), ['job-2'])
  })

  t.test(`${kind}: nothing is removed for a host that is asked first after a restore`, async (t) => {
    const site = await openSite(t, kind)
    await site.prove('key-2')
    await site.store.holds.add({ agentId: agent.id, askedAt: null })

    await site.settle()
    await site.settle()
    t.same(site.there(), ['key-1', 'key-2'])
    await site.store.holds.remove(agent.id)
    await site.settle()
    await site.settle()
    t.same(site.there(), ['key-2'])
  })

  t.test(`${kind}: other targets, and one that it is off for again, wait for nothing`, async (t) => {
    const site = await openSite(t, kind)
    await site.deploy('key-2')
    await site.store.transaction((inside) =>
      addJob(inside, {
        type: 'Deployment',
        agentId: agent.id,
        certificateId: 'cert-1',
        targetId: 'other',
        versionNumber: 2,
      }),
    )

    t.equal((await site.claim()).length, 1)
    await turnRolloverOff(site, 'operator:ann', 'target-1')
    t.same(await site.claim(), ['job-2'])
    t.same(await site.store.rollovers.records('target-1'), [])
    await t.rejects(turnRolloverOff(site, 'operator:ann', 'target-1'), /is not on/)
  })

  t.test(
    `${kind}: a record that a target needs behind another alias is left to it, and removed with the last`,
    async (t) => {
      const site = await openAliasedSite(t, kind)
      await site.deploy('key-2')
      await site.add('Deployment', 2, 'other')
      await site.settle()
      t.same(await site.claim(), ['job-3', 'job-4'])
      await site.report('job-3', { outcome: 'rolled-back' }, 'Failed')
      await site.report('job-4', { outcome: 'deployed', proven: true })

      await site.settle()
      await site.settle()
      t.same([site.there(), site.removed], [['key-1', 'key-2'], []], 'target-1 serves key-1')
      await site.add('Deployment', 2)
      await site.settle()
      await site.claim()
      await site.report('job-5', { outcome: 'deployed', proven: true })
      await site.settle()
      await site.settle()
      t.same(site.there(), ['key-2'])
    },
  )

  t.test(`${kind}: a record is left while a name that nobody could follow needs it, and no longer`, async (t) => {
    const site = await openAliasedSite(t, kind, null)
    await site.prove('key-2')

    await site.settle()
    await site.settle()
    t.same(site.there(), ['key-1', 'key-2'], 'the other one may end here, and serves key-1')
    await turnRolloverOff(site, 'operator:ann', 'other')
    await site.settle()
    await site.settle()
    t.same(site.there(), ['key-2'])
  })

  t.test(`${kind}: what a wildcard has stays there with the first record of the name itself`, async (t) => {
    const site = await openSite(t, kind)
    const ofOthers = { ...recordOf('issuer'), usage: 2 }
    site.dns.wildcard = [ofOthers, recordOf('key-1')]
    await site.deploy('key-2')

    await site.settle()
    t.same(site.published, ['key-1 issuer key-2'], 'at once, and the key that is served first')
    t.same(await site.claim(), ['job-2'])
    await site.report('job-2', { outcome: 'deployed', proven: true })
    await site.settle()
    await site.settle()
    t.same(site.there(), ['issuer', 'key-2'], 'the copy of the record of others is theirs')
  })

  t.test(`${kind}: the first records of a name are those of all targets that serve it, for a minute`, async (t) => {
    const site = await openSharedSite(t, kind)
    await site.report('job-2', { outcome: 'deployed', proven: true })
    await turnRolloverOn(site, 'operator:ann', 'other', [otherOwner])
    for (const name of [owner, otherOwner]) site.dns.ends.set(name, 'tlsa.example.net')

    await site.advance()
    site.pass(minuteMs)
    await site.advance()

    t.same(site.published[0]?.split(' ').toSorted(), ['key-1', 'key-b'])
    t.equal(site.ttls[0], minuteMs)
    await site.settle()
    for (const { problem } of await site.store.rollovers.names('target-1')) t.equal(problem, null)
  })

  t.test(
    `${kind}: no first record is published while a key is not known that another target may serve there`,
    async (t) => {
      const site = await openSharedSite(t, kind)
      await site.deploy('key-2')
      const problems = async () => (await site.store.rollovers.names('target-1')).map(({ problem }) => problem)

      await site.settle()
      t.same(site.published, [])
      t.notOk((await site.claim()).includes('job-3'))
      t.match(
        await problems(),
        [/not known here: other\. Turn roll-over on/],
        'it has a certificate of that name, and no roll-over',
      )
      await turnRolloverOn(site, 'operator:ann', 'other', [owner])
      await site.settle()
      t.same(site.published, [], 'it has roll-over, and nothing was proven')
      t.match(await problems(), [/not known here: other\. Turn roll-over on/])
      await site.report('job-2', { outcome: 'deployed', proven: true })
      await site.settle()
      t.same(site.there(), ['key-1', 'key-2', 'key-b'])
      t.same(await problems(), [null])
      await site.settle()
      t.same(await site.claim(), ['job-3'])
    },
  )

  t.test(
    `${kind}: a name that is turned on is waited for before a first record, and one that leads nowhere is not for long`,
    async (t) => {
      const site = await openAliasedSite(t, kind, null)
      t.same(site.published, ['key-1'])
      const held = await openSite(t, kind)
      held.dns.ends.set(otherOwner, null)
      await turnRolloverOn(held, 'operator:ann', 'other', [otherOwner])

      held.pass(9 * minuteMs)
      await held.advance()
      t.same(held.published, [])
      held.pass(minuteMs)
      await held.advance()
      t.same(held.published, ['key-1'])
    },
  )

  t.test(`${kind}: of two servers that look at once one looks`, async (t) => {
    const site = await openSite(t, kind)

    await Promise.all([site.advance(), site.advance(), site.advance()])

    t.equal(site.looks(), 1)
  })

  t.test(`${kind}: a clock that was ahead holds nothing up`, async (t) => {
    const site = await openSite(t, kind)
    await site.deploy('key-2')
    await site.settle()
    site.setTime(start - 30 * 24 * hourMs)
    await site.store.transaction((inside) => inside.server.forgetFuture(start - 30 * 24 * hourMs, start))

    await site.advance()
    t.same(await site.claim(), [], 'what is usable is not known any more')
    await site.settle()
    t.same(await site.claim(), ['job-2'])
  })

  t.test(`${kind}: without any record nothing is published for a host whose key is not known`, async (t) => {
    const site = await openSite(t, kind)
    await turnRolloverOff(site, 'operator:ann', 'target-1')
    await turnRolloverOn(site, 'operator:ann', 'other', [owner])
    await site.add('Deployment', 1, 'other')

    await site.settle()
    t.same([site.published, await site.claim()], [[], []])
    t.match(await site.store.rollovers.names('other'), [{ problem: /the key that is served is not known here/ }])
    site.dns.records = [recordOf('unknown')]
    await site.settle()
    await site.settle()
    t.same(site.there(), ['key-1', 'unknown'])
    t.same(await site.claim(), ['job-2'])
  })

  t.test(`${kind}: a deployment that was not proven does not say that no other key is served`, async (t) => {
    const site = await openSite(t, kind)
    await turnRolloverOff(site, 'operator:ann', 'target-1')
    await site.add('Deployment', 1, 'other')
    await site.claim()
    await turnRolloverOn(site, 'operator:ann', 'other', [owner])

    await site.settle()
    t.same(site.published, [], 'its host has it, and may serve what it had')
    await site.report('job-2', { outcome: 'deployed', proven: false })
    await site.settle()
    t.same(site.published, [], 'it is in place, and no listener showed it')
    site.dns.records = [recordOf('unknown')]
    await site.settle()
    t.same(site.there(), ['key-1', 'unknown'], 'with a record of what is served others harm nobody')
  })

  t.test(`${kind}: a record that a silent server may have is removed and told once`, async (t) => {
    const site = await openSite(t, kind)
    await site.prove('key-2')
    site.dns.problem = 'ns2 gives no answer'

    await site.settle()
    await site.settle()

    t.same(site.there(), ['key-2'])
    await chainAudit(site.store)
    const told = (await site.store.audit.list({ limit: 100 })).filter(({ action }) => action === 'dane.remove')
    t.equal(told.length, 1)
  })

  t.test(`${kind}: which names it is for says an operator, unless there is one only`, async (t) => {
    const { store } = await openSite(t, kind)
    const on = (records: readonly string[]) => turnRolloverOn({ store }, 'operator:ann', 'target-1', records)

    t.same((await on([])).names, [owner])
    t.same((await on(['_25._TCP.mx.example.net.', '_465._tcp.mx.example.net'])).names, [
      '_25._tcp.mx.example.net',
      '_465._tcp.mx.example.net',
    ])
    t.equal((await store.rollovers.names('target-1')).length, 2)
    for (const wrong of [
      'mx.example.net',
      '_25._tcp.*.example.net',
      '_99999._tcp.mx.example.net',
      '_25._tcp.mx.example.net;x',
    ])
      await t.rejects(on([wrong]), /no name of TLSA records/, wrong)
    await store.certificates.add(certificateRow({ id: 'cert-2', sans: ['imap.example.net'] }), ['target-1'])
    await t.rejects(on([]), /_25\._tcp\.imap\.example\.net/)
  })
}

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL', records: readonly TlsaRecord[] = []) {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  return openDaneSite(t, { database, start, records })
}

/** Two targets serve key-1 at two names; the other's ends at `end`, as the first one's does, or nowhere that can be told. */
async function openAliasedSite(t: Test, kind: 'SQLite' | 'PostgreSQL', end: string | null = 'tlsa.example.net') {
  const site = await openSite(t, kind)
  site.dns.ends.set(owner, 'tlsa.example.net').set(otherOwner, end)
  await site.add('Deployment', 1, 'other')
  await site.claim()
  await site.report('job-2', { outcome: 'deployed', proven: true })
  await turnRolloverOn(site, 'operator:ann', 'other', [otherOwner])
  await site.settle()
  return site
}

/** The other target has a certificate of the same name with key-b; its deployment, job-2, is under way. */
async function openSharedSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  const site = await openSite(t, kind)
  const certificate = certificateRow({ id: 'cert-2', nextRenewalAt: start + 365 * 24 * hourMs })
  await site.store.certificates.add(certificate, ['other'])
  await site.addVersion({ certificateId: 'cert-2', number: 1, spki: 'key-b', fingerprint: 'leaf-b' })
  await site.add('Deployment', 1, 'other', 'cert-2')
  await site.claim()
  return site
}

/** Its host serves key-2 by now, and what key-1 had is gone. */
async function openRolledSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  const site = await openSite(t, kind)
  await site.prove('key-2')
  await site.settle()
  await site.settle()
  return site
}
