import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { chainAudit } from '../../../src/server/operation/audit-trail.ts'
import { followChain, type Link, noLink } from '../../../src/server/store/audit-chain.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'
import { postgresProgram, startPostgres } from '../../support/postgres.ts'
import { runWaxseal } from '../../support/run-waxseal.ts'

const postgres = await startPostgres(t, false)
const docs = await readFile(new URL('../../../docs/control-plane.md', import.meta.url), 'utf8')
const [url, adminUrl] = [postgres.urlOf('waxseal'), postgres.urlOf('postgres')]

t.test('what pg_dump copies under a server that runs is put back by the commands of the documentation', async (t) => {
  const dir = t.testdir({})
  const file = join(dir, 'dump')
  const documented = commandsIn(docs, { FILE: file, URL: url, 'ADMIN-URL': adminUrl })
  const [dump = [], rename = [], create = [], restore = [], hold = []] = documented
  t.equal(documented.length, 5)
  await run(create)
  const before = await openTestControlPlane(t, { database: url, dataDir: join(dir, 'plane') })
  const known = await before.enroll()
  const unused = await before.operator.createToken()
  const { jobId, certificateId, targetId } = await deploymentFor(before, known)
  await known.work()
  await known.post(`/jobs/${jobId}/status`, { status: 'Completed', outcome: { outcome: 'deployed', proven: true } })
  await run(dump)
  const later = await before.enroll('mail-2')
  await before.operator.renew(certificateId)
  await known.sendCsr(certificateId)
  const [certificateBefore, caBefore] = [await before.operator.certificates(), before.caPem]
  t.match(certificateBefore, [{ version: 2 }])
  await t.rejects(run(rename), /being accessed by other users/, 'a server is connected')
  await before.close()

  await run(rename)
  await run(create)
  t.match(await waxseal(hold), { status: 2, stderr: /this database is empty.*pg_restore/ })
  await run(restore)
  t.match(await waxseal(hold), { status: 0, stdout: /asked what their hosts have.*: 1\./s })
  const after = await openTestControlPlane(t, { database: url, dataDir: before.dataDir })
  const agent = after.agent(known)

  t.equal(after.caPem, caBefore)
  t.match(await agent.work(), [{ type: 'Validation', target_id: targetId }])
  t.equal((await agent.sendCsr(certificateId)).status, 400, 'nothing is issued before it has answered')
  t.match(await after.operator.job(jobId), { status: 'Completed', outcome: { proven: true } })
  t.match(await after.operator.certificates(), [{ version: 1 }])
  t.equal((await after.agent(later).get('/work')).status, 401, 'it came after the backup')
  const enrolled = await after.ask('POST', '/api/v1/agents', unused, { name: 'mail-3', hostname: 'mail-3' })
  t.equal(enrolled.status, 401, 'a token may have been used since')
  const deployment = await after.operator.deploy(certificateId, targetId)
  t.match(await after.operator.job(deployment), { status: 'Pending' }, 'numbers go on where they were')
  await after.close()

  const store = await openStore({ dataDir: dir, database: url })
  t.teardown(() => store.close())
  await chainAudit(store)
  const rows = (await store.audit.list({ limit: 1000 })) as readonly Link[]
  t.ok(rows.some(({ action }) => action === 'database.restore'))
  t.doesNotThrow(() => followChain({ link: 0, hash: noLink }, rows))
})

/** The indented commands behind **PostgreSQL**, with their placeholders filled in, and without what is said of them. */
function commandsIn(text: string, values: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  const part = text.slice(text.indexOf('**PostgreSQL** is copied'), text.indexOf('**A restore**'))
  return [...part.matchAll(/^ {4}(\S.*?)(?: +#.*)?$/gm)].map(([, line = '']) =>
    [...line.matchAll(/(?:'[^']*'|[^' ])+/g)].map(([word]) =>
      word.replaceAll("'", '').replace(/\b(ADMIN-URL|URL|FILE)$/, (name) => values[name] ?? name),
    ),
  )
}

function run([program = '', ...args]: readonly string[]): Promise<unknown> {
  return promisify(execFile)(postgresProgram(program), args)
}

function waxseal([, ...args]: readonly string[]): ReturnType<typeof runWaxseal> {
  return runWaxseal(args)
}
