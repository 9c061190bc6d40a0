import t, { type Test } from 'tap'
import { readVersion } from '../../../../../src/server/authority/read-version.ts'
import { listCertificates } from '../../../../../src/server/operation/certificate/list-certificates.ts'
import { beginRenewal } from '../../../../../src/server/operation/renewal/begin-renewal.ts'
import { takeOverRenewal } from '../../../../../src/server/operation/renewal/take-over-renewal.ts'
import { makeAuthority } from '../../../../support/certificates.ts'
import { agentRow, certificateRow, openStoreSite } from '../../../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const dayMs = 86_400_000
const agent = agentRow()
const [commonName, ...sans] = ['mail.example.net', 'mx.example.net'] as const
const names = [commonName, ...sans]

t.test('what the host has renewed is the newest version, and the renewal that was planned ends', async (t) => {
  const { store, told, now } = await site(t)
  const certificate = await store.certificates.byId('mc-1')
  if (certificate === null) throw new Error('there is none')
  const jobId = await store.transaction((inside) => beginRenewal(inside, 'server', certificate, null))
  const pem = await told(90)

  const did = await takeOverRenewal({ store }, agent, { ...completed, pem })

  t.equal(did, 'taken')
  t.match(await store.versions.newest('mc-1'), { number: 2, issuer: 'host', fingerprint: readVersion(pem).fingerprint })
  t.match(await store.jobs.byId(jobId), { status: 'Cancelled', error: 'the host has renewed it by itself' })
  t.match(await store.versions.onTarget('postfix'), { number: 2 })
  t.ok(((await store.certificates.byId('mc-1'))?.nextRenewalAt ?? 0) > now() + 30 * dayMs, 'it is not due')
  t.same(await store.jobs.awaitingCsr(agent.id, now(), 10), [])
})

t.test('told twice, it is taken once', async (t) => {
  const { store, told } = await site(t)
  const pem = await told(90)

  t.equal(await takeOverRenewal({ store }, agent, { ...completed, pem }), 'taken')
  t.equal(await takeOverRenewal({ store }, agent, { ...completed, pem }), 'known')

  t.equal((await store.versions.list('mc-1', 10)).length, 2)
  t.equal((await store.jobs.ofTarget('postfix', ['Deployment'], true)).length, 2, 'the one before, and this one')
})

t.test('told again behind a rollback that the host only asked for, it is noted once', async (t) => {
  const { store, told, giveUpRollback } = await site(t)
  const pem = await told(90)
  await takeOverRenewal({ store }, agent, { ...completed, pem })
  await giveUpRollback()

  t.equal(await takeOverRenewal({ store }, agent, { ...completed, pem }), 'known')

  t.equal((await store.jobs.ofTarget('postfix', ['Deployment'], true)).length, 2, 'the one before, and this one')
})

t.test('a deployment that failed is listed, also behind a rollback that the host only asked for', async (t) => {
  const { store, told, giveUpRollback } = await site(t)
  await takeOverRenewal({ store }, agent, {
    ...completed,
    status: 'Failed',
    error: 'VERIFY_FAILED',
    pem: await told(90),
  })
  await giveUpRollback()

  const [listed] = await listCertificates({ store }, { limit: 1 })

  const target = listed?.targets.find((one) => one.target.id === 'postfix')
  t.equal(target?.failed?.error, 'VERIFY_FAILED')
})

t.test('a second target that has it is known to have it', async (t) => {
  const { store, told } = await site(t)
  const pem = await told(90)
  await takeOverRenewal({ store }, agent, { ...completed, pem })

  t.equal(await takeOverRenewal({ store }, agent, { ...completed, targetId: 'dovecot', pem }), 'known')

  t.match(await store.versions.onTarget('dovecot'), { number: 2 })
})

t.test('one that ends before the newest is only noted', async (t) => {
  const { store, told } = await site(t)

  const did = await takeOverRenewal({ store }, agent, { ...completed, pem: await told(5) })

  t.equal(did, 'older')
  t.match(await store.versions.newest('mc-1'), { number: 1 })
})

t.test('a report that comes late supersedes nothing that was proven behind the renewal', async (t) => {
  const { store, told, prove, first } = await site(t)
  const pem = await told(90)
  await takeOverRenewal({ store }, agent, { ...completed, targetId: 'dovecot', replaces: first, pem })
  await prove(3, await told(100), start)

  for (const renewal of [pem, await told(95)])
    for (const status of ['Completed', 'Failed'] as const)
      t.equal(await takeOverRenewal({ store }, agent, { ...completed, status, replaces: first, pem: renewal }), 'older')

  t.match(await store.versions.newest('mc-1'), { number: 3 })
  const [last, ...before] = await store.jobs.ofTarget('postfix', ['Deployment'], false)
  t.match(last, { versionNumber: 3, status: 'Completed' })
  t.equal(before.length, 1)
})

t.test('a renewal of what was proven last is taken, however late that was told', async (t) => {
  const { store, told, prove } = await site(t)
  const second = await told(60)
  await prove(2, second, start)
  const [third, fourth] = [await told(90), await told(120)]
  const proven = { ...completed, outcome: { outcome: 'deployed', proven: true } }

  const of = (pem: string): string => readVersion(pem).fingerprint
  t.equal(await takeOverRenewal({ store }, agent, { ...proven, replaces: of(second), pem: third }), 'taken')
  t.equal(await takeOverRenewal({ store }, agent, { ...proven, replaces: of(third), pem: fourth }), 'taken')

  t.match(await store.versions.newest('mc-1'), { number: 4, fingerprint: of(fourth) })
})

t.test('a renewal is taken by a target that had gone back by itself since the last proof', async (t) => {
  const { store, told, prove, first } = await site(t)
  await prove(2, await told(60), start - 2 * dayMs)

  t.equal(await takeOverRenewal({ store }, agent, { ...completed, replaces: first, pem: await told(90) }), 'taken')
})

t.test('one that could not be deployed is the newest all the same, and is deployed again', async (t) => {
  const { store, told, now } = await site(t)

  await takeOverRenewal({ store }, agent, {
    ...completed,
    status: 'Failed',
    error: 'VERIFY_FAILED: …',
    pem: await told(90),
  })

  t.match(await store.versions.onTarget('postfix'), { number: 2 }, 'the newest of its certificate')
  const soon = ((await store.certificates.byId('mc-1'))?.nextRenewalAt ?? 0) - now()
  t.ok(soon < dayMs, 'the scheduler looks at it soon')
})

t.test('other names, targets of others, and what is no certificate are refused', async (t) => {
  const { store, authority } = await site(t)
  const other = await authority.issue({ names: ['evil.example.org'] })
  const more = await authority.issue({ names: [...names, 'evil.example.org'] })
  const { certificatePem: pem } = await authority.issue({ names })
  const take = (changes: object, by = agent) => takeOverRenewal({ store }, by, { ...completed, pem, ...changes })

  await t.rejects(take({ pem: other.certificatePem }), /for other names/)
  await t.rejects(take({ pem: more.certificatePem }), /for other names/)
  await t.rejects(take({ pem: 'nothing' }), /no certificate/)
  await t.rejects(take({ targetId: 'nobody' }), /no such target/)
  await t.rejects(take({}, { ...agent, id: 'agent-2' }), /no such target/)
  t.match(await store.versions.newest('mc-1'), { number: 1 })
})

const completed = { targetId: 'postfix', replaces: null, status: 'Completed', error: null, outcome: null } as const

async function site(t: Test) {
  const { store } = await openStoreSite(t, { database: undefined, start, agent, targets: ['postfix', 'dovecot'] })
  const authority = await makeAuthority()
  const certificate = certificateRow({ id: 'mc-1', commonName, sans, validityDays: 90, keyType: 'p256' })
  await store.certificates.add(certificate, ['postfix', 'dovecot'])
  const told = async (days: number): Promise<string> => {
    const [notBefore, notAfter] = [new Date(start - dayMs), new Date(start + days * dayMs)]
    return (await authority.issue({ names, notBefore, notAfter })).certificatePem
  }
  const version = { ...readVersion(await told(9)), certificateId: 'mc-1', number: 1, issuer: 'local' }
  await store.versions.add({ ...version, issuedAt: start, revokedAt: null })
  /** On `postfix`, and told at this time. */
  const prove = async (number: number, pem: string, at: number): Promise<void> => {
    const about = { certificateId: 'mc-1', targetId: 'postfix', agentId: agent.id }
    const issued = { ...readVersion(pem), certificateId: 'mc-1', number, issuer: 'local', issuedAt: start }
    await store.versions.add({ ...issued, revokedAt: null })
    const id = `job-${number}`
    await store.jobs.add({
      ...about,
      id,
      type: 'Deployment',
      versionNumber: number,
      status: 'Pending',
      createdAt: start,
    })
    const outcome = { outcome: 'deployed', proven: true }
    await store.jobs.finish({ id, agentId: agent.id, status: 'Completed', error: null, outcome, at })
  }
  for (const targetId of ['postfix', 'dovecot']) {
    const id = `job-${targetId}`
    const job = {
      id,
      type: 'Deployment',
      agentId: agent.id,
      certificateId: 'mc-1',
      targetId,
      versionNumber: 1,
    } as const
    await store.jobs.add({ ...job, status: 'Pending', createdAt: start })
    await store.jobs.finish({ id, agentId: agent.id, status: 'Completed', error: null, outcome: null, at: start })
  }
  /** The host asks to go back to the version before, and does not. */
  const giveUpRollback = async (): Promise<void> => {
    const wish = {
      type: 'TakeBack',
      agentId: agent.id,
      certificateId: 'mc-1',
      targetId: 'postfix',
      versionNumber: 1,
    } as const
    await store.jobs.add({ ...wish, id: 'wish', status: 'Pending', createdAt: start, isByHost: true })
    await store.jobs.cancel('wish', start)
  }
  return { store, authority, told, prove, first: version.fingerprint, giveUpRollback, now: () => start }
}
