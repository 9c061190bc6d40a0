import t from 'tap'
import { configSchema } from '../../../src/config/config-schema.ts'
import { builtInConnectors } from '../../../src/connector/registry/built-in.ts'
import { planSchema } from '../../../src/connector/registry/plan-schema.ts'
import {
  acceptedSchema,
  challengeSchema,
  exchangeSchema,
  heardSchemas,
  leaseSchema,
  workItemSchema,
  workSchema,
} from '../../../src/control-plane/wire.ts'
import { putAnswerSchema } from '../../../src/deployer/challenge/challenge-answers.ts'
import { takenOrderSchema } from '../../../src/deployer/order/order-memory.ts'
import { obtainedSchema } from '../../../src/deployer/own/obtained.ts'
import { placedOrdersSchema } from '../../../src/deployer/own/order-log.ts'
import { courierMemorySchema } from '../../../src/deployer/serve/courier-memory.ts'
import { lineSchemas } from '../../../src/documents/ask.ts'
import { forgottenLineSchema, historyLineSchema } from '../../../src/journal/history.ts'
import { journalSchema } from '../../../src/journal/journal-schema.ts'
import { signedOrderSchema } from '../../../src/order/signed-order.ts'
import { standingOrderSchema } from '../../../src/order/standing-order.ts'
import { assertSchema } from '../../../src/schema/compile-schema.ts'
import * as server from '../../../src/server/route/schemas.ts'
import { statusSchema } from '../../../src/status/status-schema.ts'

const schemas: Readonly<Record<string, object>> = {
  ...server,
  ...Object.fromEntries(builtInConnectors.map(({ name, schema }) => [name, schema])),
  configSchema,
  planSchema,
  ...heardSchemas,
  ...Object.fromEntries(
    Object.values(lineSchemas)
      .flat()
      .map((schema, index) => [`line ${index}`, schema]),
  ),
  acceptedSchema,
  challengeSchema,
  exchangeSchema,
  leaseSchema,
  courierMemorySchema,
  takenOrderSchema,
  putAnswerSchema,
  placedOrdersSchema,
  obtainedSchema,
  signedOrderSchema,
  standingOrderSchema,
  workItemSchema,
  workSchema,
  journalSchema,
  historyLineSchema,
  forgottenLineSchema,
  statusDocument: statusSchema,
}

t.test(
  'each schema that a module of ours exports is one: at the start nothing holds it against the meta-schema',
  async (t) => {
    for (const [name, schema] of Object.entries(schemas)) t.doesNotThrow(() => assertSchema(schema), name)
  },
)

t.test('a schema that is none is refused', async (t) => {
  t.throws(() => assertSchema({ type: 'object', properties: { a: { type: 'nonsense' } } }), /schema is invalid/)
})
