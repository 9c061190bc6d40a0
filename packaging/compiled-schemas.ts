import { join } from 'node:path'
import { Ajv } from 'ajv'
import standaloneCode from 'ajv/dist/standalone/index.js'
import type { Plugin } from 'esbuild-wasm'
import { configSchema } from '../src/config/config-schema.ts'
import { acceptedSchema, exchangeSchema, heardSchemas, leaseSchema, workSchema } from '../src/control-plane/wire.ts'
import { shelfSchema } from '../src/deployer/discover/told-places.ts'
import { keyringSchema } from '../src/deployer/key/keyrings.ts'
import { takenOrderSchema } from '../src/deployer/order/order-memory.ts'
import { courierMemorySchema } from '../src/deployer/serve/courier-memory.ts'
import { arrivedSchema } from '../src/deployer/work/job-store.ts'
import { keyRequestSchema } from '../src/deployer/work/key-requests.ts'
import { lineSchemas } from '../src/documents/ask.ts'
import { shownHostSchema } from '../src/documents/shown-host.ts'
import { envelopeSchema } from '../src/host/file/envelope.ts'
import { claimedJobSchema } from '../src/inbox/inbox.ts'
import { recordSchema } from '../src/journal/deployment-record.ts'
import { forgottenLineSchema, historyLineSchema } from '../src/journal/history.ts'
import { standingOrderSchema } from '../src/order/standing-order.ts'
import { deadSchema, waitingSchema } from '../src/outbox/outbox-schema.ts'
import { schemaOptions } from '../src/schema/compile-schema.ts'
import { root } from './root.ts'
import { schemaDigest } from './schema-digest.ts'

/** What the courier holds what it reads against: the control plane's answers, the deployer's, and what the deployer shows. */
const ofCourier = [
  configSchema,
  workSchema,
  ...Object.values(heardSchemas),
  acceptedSchema,
  leaseSchema,
  exchangeSchema,
  shownHostSchema,
  ...lineSchemas.ofAnswers,
]

/** What the deployer holds what it reads against: what it is asked, and what it wrote down itself. */
const ofDeployer = [
  configSchema,
  ...lineSchemas.ofAsks,
  envelopeSchema(claimedJobSchema),
  envelopeSchema(recordSchema),
  historyLineSchema,
  forgottenLineSchema,
  envelopeSchema(arrivedSchema),
  envelopeSchema(keyRequestSchema),
  envelopeSchema(keyringSchema),
  envelopeSchema(waitingSchema),
  envelopeSchema(deadSchema),
  envelopeSchema(courierMemorySchema),
  envelopeSchema(takenOrderSchema),
  standingOrderSchema,
  envelopeSchema(shelfSchema),
  shownHostSchema,
]

/** What each program asks that has deployed before and waits for the next job: its start, the polls, the status, what the halves tell each other. */
const schemasOf = { waxseal: [...ofCourier, ...ofDeployer], courier: ofCourier, deployer: ofDeployer } as const

/** A program of the bundle. */
export type Program = keyof typeof schemasOf

/**
 * Has a program's schemas compiled when the bundle is made, by the same library with the same options. Another one, that of a
 * target for instance, has the library loaded and is compiled when it is first asked.
 */
export const compiledSchemas = (program: Program): Plugin => ({
  name: 'compiled-schemas',
  setup: ({ onResolve, onLoad }) => {
    const path = join(root, 'src/schema/compile-schema.ts')
    onResolve({ filter: /\/compile-schema\.ts$/ }, ({ namespace }) =>
      namespace === 'compiled' ? { path } : { path: 'compiled-schemas', namespace: 'compiled' },
    )
    onLoad({ filter: /.*/, namespace: 'compiled' }, () => ({
      contents: compiledModule(schemasOf[program]),
      resolveDir: root,
      loader: 'js',
    }))
  },
})

/** Each compiled function is exported under the digest of its schema. */
function compiledModule(schemas: readonly object[]): string {
  const ajv = new Ajv({ ...schemaOptions, code: { source: true } })
  // Some are equal.
  const named = new Map(schemas.map((schema) => [schemaDigest(schema), schema]))
  for (const [name, schema] of named) ajv.addSchema(schema, name)
  const code = standaloneCode.default(ajv, Object.fromEntries([...named.keys()].map((name) => [name, name])))
  return `${code}
const { schemaDigest } = require('./packaging/schema-digest.ts')
const others = () => require('./src/schema/compile-schema.ts')
exports.compileSchema = (schema) => exports[schemaDigest(schema)] ?? others().compileSchema(schema)
exports.assertSchema = (schema) => others().assertSchema(schema)`
}
