import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { requireSigned } from '../../../src/server/operation/audit-trail.ts'
import { openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { startPostgres } from '../../support/postgres.ts'

const postgres = await startPostgres(t)

t.test('what servers of one database share is what docs/control-plane.md says', async (t) => {
  const database = await postgres.newDatabase()
  const base = t.testdir({})
  const [one, two] = [join(base, 'one'), join(base, 'two')] as const
  mkdirSync(two)
  const serve = (dataDir: string) => openTestControlPlane(t, { dataDir, database })
  const first = await serve(one)
  const give = (...names: readonly string[]): void => {
    for (const name of names) copyFileSync(join(one, name), join(two, name))
  }
  const asks = async (plane: TestControlPlane, token: string): Promise<number> =>
    (await plane.ask('GET', '/operator/v1/agents', token)).status
  const signedFor = async (plane: TestControlPlane, dataDir: string): Promise<void> =>
    requireSigned(await plane.operator.auditHead(), readFileSync(join(dataDir, 'audit.pem'), 'utf8'))

  await t.rejects(serve(two), { code: 'CA_MISSING' }, 'without the CA it does not start')
  give('ca.pem', 'ca.key')
  const second = await serve(two)
  const named = await first.operator.addOperator('ann', 'reader')
  t.same([await asks(first, named), await asks(second, named)], [200, 200], 'operators are in the database')
  t.equal(await asks(second, first.operatorToken), 401, 'the file operator-token is of one data directory')
  await t.resolves(signedFor(second, two))
  await t.rejects(
    signedFor(second, one),
    { code: 'AUDIT_BROKEN', details: { hint: /another server/ } },
    'so is audit.key',
  )
  await second.close()

  give('operator-token', 'audit.key')
  const again = await serve(two)
  t.equal(await asks(again, first.operatorToken), 200)
  await t.resolves(signedFor(again, one))
  await t.resolves(signedFor(first, two))
})
