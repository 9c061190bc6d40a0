import { chmod, cp, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { hashSecret } from '../../../src/server/operation/secret.ts'
import { claimedDeployment, deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'

t.test('a restart keeps the CA and the token of the operator', async (t) => {
  const before = await openTestControlPlane(t)
  await before.close()

  const after = await openTestControlPlane(t, { dataDir: before.dataDir })

  t.equal(after.caPem, before.caPem)
  t.equal(after.operatorToken, before.operatorToken)
  t.equal(await readFile(join(after.dataDir, 'url'), 'utf8'), `${after.url}\n`)
})

t.test('a restart keeps agents, targets, certificates and jobs', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  await agent.post(`/jobs/${jobId}/status`, { status: 'Failed', error: 'reload failed', outcome: { message: 'x' } })
  const { certificate_id: certificateId } = await plane.operator.job(jobId)
  const listed = [await plane.operator.agents(), await plane.operator.targets(), await plane.operator.jobs()]
  const job = await plane.operator.job(jobId)
  const certificate = await agent.get(`/certificates/${certificateId}`)
  await plane.close()

  const after = await openTestControlPlane(t, { dataDir: plane.dataDir })

  t.same([await after.operator.agents(), await after.operator.targets(), await after.operator.jobs()], listed)
  t.same(await after.operator.job(jobId), job)
  t.same((await after.agent(agent).get(`/certificates/${certificateId}`)).body, certificate.body)
})

t.test('an agent goes on after a restart: what it claimed is its own, what waits is offered', async (t) => {
  const before = await openTestControlPlane(t)
  const known = await before.enroll()
  const { certificateId, targetId, jobId } = await deploymentFor(before, known)
  await known.work()
  const waiting = await before.operator.deploy(certificateId, targetId)
  await before.close()

  const after = await openTestControlPlane(t, { dataDir: before.dataDir })
  const agent = after.agent(known)
  const offered = await agent.work()
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })

  t.same(
    offered.map(({ id }) => id),
    [waiting],
  )
  t.equal((await after.operator.job(jobId)).status, 'Completed')
})

t.test('a one-time token that was not used is good after a restart, one that was is not', async (t) => {
  const before = await openTestControlPlane(t)
  const [used, unused] = [await before.operator.createToken(), await before.operator.createToken()]
  await before.ask('POST', '/api/v1/agents', used, { name: 'mail-1', hostname: 'mail-1' })
  await before.close()

  const after = await openTestControlPlane(t, { dataDir: before.dataDir })
  const statuses = []
  for (const token of [used, unused])
    statuses.push((await after.ask('POST', '/api/v1/agents', token, { name: 'mail-2', hostname: 'mail-2' })).status)

  t.same(statuses, [401, 201])
})

t.test('what was answered is on disk, though the control plane is never closed', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })
  const copy = join(plane.dataDir, 'copy')
  for (const name of await readdir(plane.dataDir)) await cp(join(plane.dataDir, name), join(copy, name))

  const after = await openTestControlPlane(t, { dataDir: copy })

  t.equal((await after.operator.job(jobId)).status, 'Completed')
  t.same(await after.agent(agent).work(), [])
})

t.test('only its owner can enter the data directory and read its secrets', async (t) => {
  const { dataDir } = await openTestControlPlane(t)

  t.equal(await modeOf(dataDir), '700')
  t.equal(await modeOf(join(dataDir, 'ca.key')), '600')
  t.equal(await modeOf(join(dataDir, 'operator-token')), '600')
})

t.test('a data directory that was open to others is closed', async (t) => {
  const dataDir = join(t.testdir({ data: {} }), 'data')
  await chmod(dataDir, 0o755)

  await openTestControlPlane(t, { dataDir })

  t.equal(await modeOf(dataDir), '700')
})

t.test('no secret is in the database, while it is open and after', async (t) => {
  const { dataDir, operator, enroll, operatorToken, close } = await openTestControlPlane(t)
  const unused = await operator.createToken()
  const { credential } = await enroll()
  const bodies = [unused, credential, operatorToken].map((secret) => secret.slice(4))

  const open = await databaseBytes(dataDir)
  await close()
  const closed = await databaseBytes(dataDir)

  for (const bytes of [open, closed]) {
    t.ok(bytes.includes(hashSecret(credential)), 'the bytes are those that were written')
    t.ok(bytes.includes(hashSecret(unused)), 'the bytes are those that were written')
    t.same(
      bodies.filter((body) => bytes.includes(body)),
      [],
    )
    t.notOk(bytes.includes('PRIVATE KEY'))
  }
})

/** Of the database with its write-ahead log. */
async function databaseBytes(dataDir: string): Promise<Buffer> {
  const names = (await readdir(dataDir)).filter((name) => name.startsWith('control-plane.db'))
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(dataDir, name)))))
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o7777).toString(8)
}
