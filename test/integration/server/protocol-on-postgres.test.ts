import t from 'tap'
import { keepIn } from '../../support/control-plane.ts'
import { startPostgres } from '../../support/postgres.ts'

/** What is said of the calls of the control plane in `../control-plane` holds for PostgreSQL, too. */
keepIn(await startPostgres(t, false))
for (const name of [
  'agent-calls',
  'operator-calls',
  'reaper',
  'reports',
  'take-back',
  'policy',
  'ended-jobs',
  'protocol-additions',
  'discovery',
  'keys',
])
  await import(`../control-plane/${name}.test.ts`)
