import t from 'tap'
import type { HostView } from '../../../../src/connector/host-view.ts'
import { planFor } from '../../../../src/connector/planner/plan-for.ts'
import type { ConnectorKit } from '../../../../src/connector/registry/kit.ts'
import { parseOutside } from '../../../../src/connector/registry/parse-outside.ts'
import { parseMaterial } from '../../../../src/material/parse-material.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const module = '/etc/waxseal/connectors/x.mjs'
const authority = await (await makeAuthority()).intermediate()
const material = await parseMaterial({ ...(await authority.issue({ names: ['mail.example.net'] })), now: new Date() })

/** A module that keeps the contract, with changes. */
function outside(changes: object = {}): Readonly<Record<string, unknown>> {
  const connector = (kit: ConnectorKit): object => ({
    name: 'x',
    aliases: ['X'],
    description: 'Writes one file and has nothing reloaded.',
    schema: kit.targetSchema({ path: { ...kit.pathValue, description: 'The file.' }, ...kit.serviceFields }, ['path']),
    example: { path: '/srv/x.pem' },
    standardCommands: [],
    plan: async (target: { readonly path: string }) => soundPlan(kit, target.path),
    ...changes,
  })
  return { interfaceVersion: 2, connector }
}

function soundPlan(kit: ConnectorKit, path: string): object {
  const files = [
    kit.plannedFile(path, 'certificate', material.leaf.pem, { mode: 'keep', owner: 'keep', group: 'keep' }),
  ]
  return kit.planService({}, material, { connector: 'x', service: 'x', files, check: null, reload: null })
}

t.test('a module that keeps the contract plans like any other', async (t) => {
  const connector = parseOutside(module, outside())

  const plan = await planFor(connector, { path: '/srv/x.pem' }, material, {} as HostView, AbortSignal.timeout(10_000))

  t.match(plan, { connector: 'x', files: [{ path: '/srv/x.pem' }], unverified: /^Nothing was verified/ })
  await t.rejects(planFor(connector, {}, material, {} as HostView, AbortSignal.timeout(10_000)), {
    code: 'TARGET_INVALID',
  })
})

for (const [what, exports, reason] of [
  ['of another interface', { ...outside(), interfaceVersion: 7 }, /interfaceVersion = 2; it exports 7$/],
  ['of the interface before', { ...outside(), interfaceVersion: 1 }, /it exports 1\. Since 1, .* are fixed words/],
  [
    'with a command that takes a word of the job',
    outside({ standardCommands: [['x', '<socket>']] }),
    /standardCommands/,
  ],
  ['without a connector', { interfaceVersion: 2 }, /a function called connector/],
  [
    'whose connector() throws',
    {
      interfaceVersion: 2,
      connector: () => {
        throw new Error('boom')
      },
    },
    /boom/,
  ],
  ['whose connector() returns nothing', { interfaceVersion: 2, connector: () => undefined }, /is none/],
  ['with a name that is none', outside({ name: '../x' }), /name/],
  ['without an alias', outside({ aliases: [] }), /aliases/],
  ['with an open schema', outside({ schema: { type: 'object', properties: {} } }), /additionalProperties/],
  ['with an object in its schema that is open', outside({ schema: openWithin() }), /properties\/a has no additional/],
  ['with a field that is none of a connector', outside({ surprise: 1 }), /additional properties/],
  ['with an example that is no target', outside({ example: {} }), /its example is none of its targets/],
  ['with a schema that is none', outside({ schema: brokenSchema() }), /schema|strict|type/],
  ['without an example', outside({ example: null }), /example/],
  ['whose commands are lines, not argvs', outside({ standardCommands: ['nginx -t'] }), /standardCommands/],
  ['whose plan is no function', outside({ plan: {} }), /its plan is no function/],
] as const)
  t.test(`a module ${what} is refused, with its path and the reason`, async (t) => {
    t.throws(() => parseOutside(module, exports), { code: 'CONNECTOR_INVALID', details: { module, reason } })
  })

for (const [what, plan, reason] of [
  ['throws', () => Promise.reject(new Error('boom')), /boom/],
  ['throws what is no error', () => Promise.reject('boom'), /boom/],
  ['returns nothing', async () => undefined, /must be object/],
  ['returns half a plan', async () => ({ connector: 'x' }), /required property/],
  ['names a relative path', async () => changed({ path: 'x.pem' }), /path/],
  ['goes to a folder of no name', async () => changed({ path: '/' }), /path/],
  ['has a key that others may read', async () => changed({ role: 'key', mode: 0o644 }), /others may read/],
  ['calls a key a certificate', async () => changed({ contents: Buffer.from(material.keyPem) }), /holds a private key/],
  ['is of another connector', async () => ({ ...changed({}), connector: 'postfix' }), /of another connector/],
  ['verifies nothing and does not say why', async () => ({ ...changed({}), unverified: null }), /no probe/],
  ['is more than data', async () => ({ ...changed({}), check: () => true }), /could not be cloned/],
  [
    'throws what cannot be shown',
    () => Promise.reject(Object.create(null, { toJSON: { value: 1 } })),
    /cannot be used/,
  ],
  ['has contents that are text', async () => changed({ contents: 'text' }), /Uint8Array/],
  ['has a set-user-id mode', async () => changed({ mode: 0o4755 }), /mode/],
] as const)
  t.test(`a plan that ${what} fails that deployment alone`, async (t) => {
    const connector = parseOutside(module, outside({ plan }))

    await t.rejects(planFor(connector, { path: '/srv/x.pem' }, material, {} as HostView, AbortSignal.timeout(10_000)), {
      code: 'CONNECTOR_INVALID',
      details: { module, reason },
    })
  })

t.test('a module cannot change after the start what was looked at then', async (t) => {
  const facts = { standardCommands: [['true']] as string[][] }
  const connector = parseOutside(module, outside(facts))

  facts.standardCommands.push(['rm'])

  t.same(connector.standardCommands, [['true']])
})

t.test('a plan that never ends is given up when the deployment is', async (t) => {
  const connector = parseOutside(module, outside({ plan: () => new Promise(() => {}) }))
  const stop = new AbortController()

  const planning = planFor(connector, { path: '/srv/x.pem' }, material, {} as HostView, stop.signal)
  stop.abort()

  await t.rejects(planning, { code: 'CONNECTOR_INVALID', details: { reason: /takes longer/ } })
})

function changed(changes: object): object {
  const plan = soundPlan(kitOf(), '/srv/x.pem') as { readonly files: readonly object[] }
  return { ...plan, files: plan.files.map((file) => ({ ...file, ...changes })) }
}

function kitOf(): ConnectorKit {
  let kit: ConnectorKit | undefined
  const connector = (given: ConnectorKit): object => {
    kit = given
    return (outside()['connector'] as (kit: ConnectorKit) => object)(given)
  }
  parseOutside(module, { interfaceVersion: 2, connector })
  if (kit === undefined) throw new Error('no kit')
  return kit
}

function openWithin(): object {
  return { type: 'object', additionalProperties: false, properties: { a: { type: 'object' } } }
}

function brokenSchema(): object {
  return { type: 'object', additionalProperties: false, properties: { a: { type: 'nonsense' } } }
}
