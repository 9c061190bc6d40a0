import t from 'tap'
import { countFleet } from '../../support/small-fleet.ts'

t.test(
  'of 200 agents on two servers of one PostgreSQL none loses a job or does one twice, from their start to an outage',
  (t) => countFleet(t, 'two replicas'),
)
