import { createHash, X509Certificate } from 'node:crypto'
import { chown, copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { isRoot } from '../../../src/host/host-facts.ts'
import { backUpTo, restoreFrom } from '../../../src/server/back-up.ts'
import { holdAgents } from '../../../src/server/operation/agent/hold-agents.ts'
import { answerMs, releaseAgents } from '../../../src/server/operation/agent/release-agents.ts'
import { newestFor } from '../../../src/server/operation/certificate/own-certificate.ts'
import { renewCertificate } from '../../../src/server/operation/certificate/renew-certificate.ts'
import { requestCertificate } from '../../../src/server/operation/certificate/request-certificate.ts'
import { openSigner, type Signer } from '../../../src/server/operation/certificate/signer.ts'
import { submitCsr } from '../../../src/server/operation/certificate/submit-csr.ts'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { deployCertificate } from '../../../src/server/operation/job/deploy-certificate.ts'
import { reportJob } from '../../../src/server/operation/job/report-job.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import { dueAt } from '../../../src/server/renewal/when-due.ts'
import { deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'
import { startPostgres } from '../../support/postgres.ts'
import { quickIssuer } from '../../support/quick-issuer.ts'
import { runWaxseal } from '../../support/run-waxseal.ts'
import { agentRow, openStoreSite } from '../../support/store-site.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-11-01T00:00:00Z')
const agent = agentRow({ features: ['lease', 'csr_accepted'], registeredAt: start })

const postgres = await startPostgres(t)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: after a restore an agent is issued nothing before it has said what its host has`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.deployed()
    await deployCertificate(site, 'operator:a', id, 'target-1')
    site.setTime(await site.due(id))
    await holdAgents(site.store)

    await renewDue(site.store)
    const offered = await site.work()
    t.match(offered, [{ type: 'Validation', targetId: 'target-1', certificateId: id }])
    t.equal(offered.length, 1)
    await renewCertificate(site, 'operator:a', id)
    t.same(await site.work(), [], 'no CSR is asked for')
    await site.sendCsr(id, 'a key that it has')
    await site.signer.signDue()
    t.equal((await site.store.versions.newest(id))?.number, 1, 'and none is signed')
    await t.rejects(newestFor(site, agent, id), { message: /has not said yet/ })
    t.match(await site.store.certificates.byId(id), { lastError: /put back from a backup/ })

    await site.report(offered[0]?.id ?? '', 'Completed')
    t.same(await releaseAgents(site.store), [], 'it goes on with the last answer')
    t.match(await site.store.certificates.byId(id), { lastError: null })
    const types = (await site.work()).map(({ type }) => type)
    t.same(types, ['Deployment'], 'the CSR that it sent is signed next')
    site.pass(dayMs)
    await site.signer.signDue()
    t.equal((await site.store.versions.newest(id))?.number, 2)
  })

  t.test(`${kind}: what a host has beyond the database is a fact: nothing older follows it`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.deployed()
    const waiting = await deployCertificate(site, 'operator:a', id, 'target-1')
    site.setTime(await site.due(id))
    await renewDue(site.store)
    await holdAgents(site.store)
    const now = await site.store.now()
    const host = { sha256: 'ab'.repeat(32), notBefore: rfc3339(now - dayMs), notAfter: rfc3339(now + 46 * dayMs) }

    const [question] = await site.work()
    await site.report(question?.id ?? '', 'Failed', { outcome: 'refused', certificate: host })

    t.match(await site.store.jobs.byId(waiting), { status: 'Cancelled', error: /newer/ })
    t.same(await site.work(), [], 'and the renewal that was open is not needed')
    t.match(await site.store.certificates.byId(id), {
      lastError: new RegExp(`newer.*${host.sha256}.*${host.notAfter}`),
    })
    await t.rejects(newestFor(site, agent, id), { message: /newer version than this database/ })
    site.pass(dayMs)
    await renewDue(site.store)
    t.same(await site.work(), [], 'it is not due by what the host has')
    site.setTime(dueAt({ certificateId: id, notBefore: now - dayMs, notAfter: now + 46 * dayMs }, null))
    await renewDue(site.store)
    t.match(await site.work(), [{ type: 'Renewal' }])
    await site.sendCsr(id, 'another key')
    t.match(await newestFor(site, agent, id), /BEGIN CERTIFICATE/)
    t.match(await site.work(), [{ type: 'Deployment', versionNumber: 2 }])
  })

  t.test(`${kind}: a certificate of which one target has a newer one than the others is renewed at once`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.deployed(['target-1', 'target-2'])
    await holdAgents(site.store)
    const host = { sha256: 'ab'.repeat(32), notBefore: rfc3339(start), notAfter: rfc3339(start + 90 * dayMs) }
    const questions = await site.work()
    t.equal(questions.length, 2)
    for (const { id: job, targetId } of questions)
      await site.report(job, 'Completed', targetId === 'target-1' ? { certificate: host } : null)

    site.pass(1)
    await renewDue(site.store)
    t.match(await site.work(), [{ type: 'Renewal' }])
    await site.sendCsr(id, 'another key')
    const deployments = await site.work()
    t.same(new Set(deployments.map(({ targetId }) => targetId)), new Set(['target-1', 'target-2']))
    t.match(await newestFor(site, agent, id), /BEGIN CERTIFICATE/, 'though it ends before what was seen')
    for (const { id: job } of deployments) await site.report(job, 'Failed')
    site.pass(dayMs)
    await renewDue(site.store)
    t.equal((await site.work()).length, 2, 'and what failed is deployed again')
  })

  t.test(`${kind}: an agent that takes the question and never answers is waited for within a bound`, async (t) => {
    const site = await openSite(t, kind)
    await site.deployed()
    await holdAgents(site.store)

    site.pass(30 * dayMs)
    t.same(await releaseAgents(site.store), [], 'it was silent: nothing could be issued to it')
    t.equal((await site.work()).length, 1)
    site.pass(answerMs - 1)
    t.same(await releaseAgents(site.store), [])
    site.pass(1)
    t.same(await releaseAgents(site.store), [agent.id])
  })

  t.test(`${kind}: what an agent says is no fact unless it has the form of a certificate's`, async (t) => {
    const site = await openSite(t, kind)
    const id = await site.deployed()
    const known = await site.store.versions.newest(id)
    const life = { notBefore: rfc3339(start), notAfter: rfc3339(start + 90 * dayMs) }
    for (const certificate of [
      null,
      'x',
      { ...life, sha256: 'x' },
      { sha256: 'ab'.repeat(32), notBefore: 'x', notAfter: life.notAfter },
      { sha256: 'ab'.repeat(32), notBefore: life.notBefore, notAfter: '9999-01-01T00:00:00Z' },
      { ...life, sha256: known?.fingerprint },
      { sha256: 'ab'.repeat(32), notBefore: rfc3339(start - 9 * dayMs), notAfter: rfc3339(start + dayMs) },
    ]) {
      await holdAgents(site.store)
      const [question] = await site.work()
      await site.report(question?.id ?? '', 'Completed', { certificate })
      t.same(await site.store.holds.seen(id), [])
    }
  })
}

t.test('a backup of a server that runs is restored with all that was in it; its agents go on', async (t) => {
  const dir = t.testdir({})
  const before = await openTestControlPlane(t, { dataDir: join(dir, 'before') })
  const agentBefore = await before.enroll()
  const unused = await before.operator.createToken()
  const { jobId } = await deploymentFor(before, agentBefore)
  await agentBefore.work()
  await agentBefore.post(`/jobs/${jobId}/status`, { status: 'Completed' })
  const file = join(dir, 'backup')
  await backUpTo(before.dataDir, file)
  const dataDir = join(dir, 'restored')
  const { agents, ca } = await restoreFrom(file, dataDir)
  t.equal(agents, 1)
  t.match(ca, [/^[0-9A-F:]{95}$/])

  await t.rejects(openTestControlPlane(t, { dataDir }), { code: 'CA_MISSING' })
  await copyFile(join(before.dataDir, 'ca.key'), join(dataDir, 'ca.key'))
  await before.close()
  const after = await openTestControlPlane(t, { dataDir })
  const agentAfter = after.agent(agentBefore)
  t.equal(after.caPem, before.caPem)
  t.match(await agentAfter.work(), [{ type: 'Validation' }])
  t.match(await after.operator.job(jobId), { status: 'Completed' })
  const enrolled = await after.ask('POST', '/api/v1/agents', unused, { name: 'mail-2', hostname: 'mail-2' })
  t.equal(enrolled.status, 401, 'a token may have been used since')
})

t.test('a backup has no key and no token in it, and is for its owner alone', async (t) => {
  const dir = t.testdir({})
  const plane = await openTestControlPlane(t, { dataDir: join(dir, 'plane') })
  const file = join(dir, 'backup')
  await backUpTo(plane.dataDir, file)

  t.equal((await stat(file)).mode & 0o777, 0o600)
  const database = new DatabaseSync(file, { readOnly: true })
  t.teardown(() => database.close())
  const kept = database.prepare('SELECT name, content FROM kept_file ORDER BY name').all()
  t.match(kept, [{ name: 'audit.pem' }, { name: 'ca.pem', content: plane.caPem }])
  t.notMatch(JSON.stringify(kept), /PRIVATE/)
})

t.test('nothing is restored over a database, under a server, or out of what is no backup', async (t) => {
  const dir = t.testdir({})
  const plane = await openTestControlPlane(t, { dataDir: join(dir, 'plane') })
  const file = join(dir, 'backup')
  await backUpTo(plane.dataDir, file)
  await t.rejects(restoreFrom(file, plane.dataDir), { code: 'STATE_BUSY' })
  await plane.close()
  await t.rejects(restoreFrom(file, plane.dataDir), { code: 'CONFIG_INVALID', details: { reason: /already/ } })

  const empty = join(dir, 'empty')
  await writeFile(join(dir, 'text'), 'no database'.repeat(1000))
  await t.rejects(restoreFrom(join(dir, 'text'), empty), { code: 'CONFIG_INVALID' })
  await t.rejects(restoreFrom(join(dir, 'none'), empty), { code: 'CONFIG_INVALID' })
  await t.rejects(backUpTo(empty, join(dir, 'other')), { code: 'CONFIG_INVALID' })
  await mkdir(join(empty, 'restoring'), { recursive: true })
  await writeFile(join(empty, 'restoring', 'control-plane.db'), 'half of one that broke off')
  t.match(await restoreFrom(file, empty), { agents: 0 })
})

t.test('the commands say what they did, and where PostgreSQL has its own', async (t) => {
  const dir = t.testdir({})
  const [from, to, file] = ['from', 'to', 'backup'].map((name) => join(dir, name)) as [string, string, string]
  const plane = await openTestControlPlane(t, { dataDir: from })
  const busy = await runWaxseal(['control-plane', 'migrate', '--data-dir', from])
  t.match(busy, { status: 1, stderr: /STATE_BUSY/ })
  const url = ['--database', 'postgres://localhost/none']
  const other = await runWaxseal(['control-plane', 'backup', file, ...url])
  t.match(other, { stderr: /CONFIG_INVALID.*pg_dump --format=custom/ })
  t.match((await runWaxseal(['control-plane', 'restore', file, ...url])).stderr, /pg_restore/)

  const saved = await runWaxseal(['control-plane', 'backup', file, '--data-dir', from])
  t.match(saved, { status: 0, stdout: /No key and no token is in it.*ca\.key/s })
  const restored = await runWaxseal(['control-plane', 'restore', file, '--data-dir', to])
  t.match(restored, { status: 0, stdout: /asked what their hosts have.*: 0\..*put ca\.key there/s })
  t.match(restored.stdout, new X509Certificate(plane.caPem).fingerprint256)
  const migrated = await runWaxseal(['control-plane', 'migrate', '--data-dir', to])
  t.match(migrated, { status: 0, stdout: /has version \d+ already/ })
})

t.test('root restores and migrates as the user whose data directory it is', { skip: !isRoot() }, async (t) => {
  const dir = t.testdir({})
  const file = join(dir, 'backup')
  const plane = await openTestControlPlane(t, { dataDir: join(dir, 'plane') })
  await backUpTo(plane.dataDir, file)
  // Where another user can come: the checkout may be in a folder of root's own.
  const theirs = await makeTemporaryFolder('wx-restore-')
  t.teardown(() => removeTree(theirs))
  await chown(theirs, 65_534, 65_534)

  t.match(await runWaxseal(['control-plane', 'restore', file, '--data-dir', theirs]), { status: 0 })
  for (const name of await readdir(theirs)) t.match(await stat(join(theirs, name)), { uid: 65_534, gid: 65_534 }, name)
  t.match(await readdir(theirs), ['audit.pem', 'ca.pem', 'control-plane.db', 'lock.db'])
  t.match(await runWaxseal(['control-plane', 'migrate', '--data-dir', theirs]), { status: 0 })
})

function rfc3339(at: number): string {
  return new Date(at).toISOString()
}

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const targets = ['target-1', 'target-2']
  const { store, setTime, pass, due } = await openStoreSite(t, { database, start, agent, targets })
  const issuers = [await quickIssuer('local', () => false)]
  const check = async (csr: string): Promise<string> => createHash('sha256').update(csr).digest('hex')
  const opened = openSigner({ store, issuers, check })
  let signed: Promise<unknown> = Promise.resolve()
  const sign: Signer['sign'] = (id) => {
    const mine = opened.sign(id)
    signed = mine
    return mine
  }
  const signer = { ...opened, sign }
  const parts = { store, signer }
  const work = async () => (await claimWork(parts, agent)).map(({ job }) => job)
  const report = (jobId: string, status: 'Completed' | 'Failed', outcome: object | null = null) =>
    reportJob(parts, agent, { jobId, status, error: null, outcome })
  const sendCsr = async (certificateId: string, csrPem: string): Promise<void> => {
    await submitCsr(parts, agent, { certificateId, csrPem })
    // Behind the answer.
    await signed
  }
  return {
    ...parts,
    work,
    report,
    sendCsr,
    setTime,
    pass,
    due,
    deployed: async (deployTo: readonly string[] = ['target-1']): Promise<string> => {
      const wanted = { agent: agent.id, commonName: 'mail.example.net', sans: [], validityDays: 47, deployTo }
      const { certificateId } = await requestCertificate(parts, 'operator:a', wanted)
      await work()
      await sendCsr(certificateId, 'the first key')
      for (const { id } of await work()) await report(id, 'Completed')
      return certificateId
    },
  }
}
