import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { nginx } from '../../../../src/connector/nginx/nginx.ts'
import type { PairTarget } from '../../../../src/connector/planner/target.ts'
import { pairFields, targetSchema } from '../../../../src/connector/planner/target-schema.ts'
import { builtInConnectors } from '../../../../src/connector/registry/built-in.ts'
import { contract } from '../../../../src/connector/registry/contract.ts'
import type { Plan } from '../../../../src/plan/plan.ts'
import { keepsContract, material } from '../../../support/connector-contract.ts'
import { recordedHost } from '../recorded-host.ts'

/** What the connectors share. */
const shared = ['planner', 'registry', 'wiring']

t.test('every folder of src/connector is a built-in connector of its name, and the other way round', async (t) => {
  const source = fileURLToPath(new URL('../../../../src/connector', import.meta.url))

  const entries = await readdir(source, { withFileTypes: true })
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => !shared.includes(name))

  t.same(
    folders.toSorted(),
    builtInConnectors.map(({ name }) => name),
  )
})

for (const connector of builtInConnectors) {
  t.test(`${connector.name} keeps the contract of a connector`, (t) => keepsContract(t, connector))
}

t.test(
  'another instance of a daemon has the very schema of the default one: each is compiled once, and never dropped',
  async (t) => {
    const elsewhere = { config: '/etc/other', socket: '/run/other', masterSocket: null, admin: 'http://127.0.0.1:2020' }
    const others = builtInConnectors.flatMap((one) => (one.at === undefined ? [] : [{ one, other: one.at(elsewhere) }]))

    t.not(others.length, 0)
    for (const { one, other } of others) t.equal(other.schema, one.schema, one.name)
  },
)

/** A connector that breaks one promise: by its plan, by what it is given, or by what it says of itself. */
interface Breach {
  readonly plan?: (plan: Plan, target: Record<string, unknown>) => Plan
  readonly target?: (target: PairTarget) => PairTarget
  readonly says?: Partial<Connector<PairTarget>>
}

let calls = 0
const loose = { type: 'object', properties: {} }
const [sample] = (await nginx.plan(nginx.example, material, recordedHost({}), new AbortController().signal)).files
if (sample === undefined) throw new Error('nginx plans no file')
const anyText = { type: 'string', description: 'Anything.' }

const breaches: Readonly<Record<string, Breach>> = {
  'it has a description and an alias': { says: { aliases: [] } },
  'its schema refuses unknown fields at every depth, and describes each field': {
    says: { schema: targetSchema({ ...pairFields, loose }) },
  },
  'its example is a target, and its plan is valid': { plan: (plan) => ({ ...plan, connector: 'other' }) },
  'equal inputs give equal plans': { plan: (plan) => ({ ...plan, backupRetention: (calls += 1) % 1000 }) },
  'a plan survives JSON, contents aside': {
    plan: (plan) => ({ ...plan, retry: { ...plan.retry, maxMs: Number.POSITIVE_INFINITY } }),
  },
  'no file lies outside the paths that the example declares': {
    plan: (plan) => ({ ...plan, files: [...plan.files, { ...sample, path: '/etc/passwd' }] }),
  },
  'it proposes no shell': { plan: (plan) => ({ ...plan, check: ['/bin/sh', '-c', 'nginx -t'] }) },
  'its own commands are among its standard ones': { says: { standardCommands: [['nginx', '-t']] } },
  'it has probes, or says why it has none': { plan: (plan) => ({ ...plan, probes: [], unverified: null }) },
  'unknown fields are refused by name, at every depth': {
    says: { schema: { ...targetSchema(pairFields), additionalProperties: true } },
  },
  'relative paths are refused': {
    says: { schema: targetSchema({ ...pairFields, cert_path: anyText }) },
  },
  'redacted values are refused by name at any depth': {
    says: { example: { ...nginx.example, chain_path: '/etc/nginx/certs/chain.pem', chain_file_owner: '***' } },
  },
  'empty commands and shell metacharacters are refused': {
    plan: (plan, { reload_command: line }) =>
      typeof line === 'string' ? { ...plan, activate: [line.split(' ') as [string]] } : plan,
    target: ({ reload_command: _, ...target }) => target,
  },
}

for (const [claim, breach] of Object.entries(breaches)) {
  t.test(`the contract finds the connector of which it is not true that ${claim}`, async (t) => {
    const broken = { ...nginx, ...breach.says, plan: planOf(breach) } as Connector

    const clause = contract.find((one) => one.claim === claim)

    t.not((await clause?.breaches(broken, material))?.length ?? 0, 0)
  })
}

function planOf({ plan, target: given }: Breach): Connector<PairTarget>['plan'] {
  return async (target, ...rest) => {
    const made = await nginx.plan(given?.(target) ?? target, ...rest)
    return plan?.(made, { ...target }) ?? made
  }
}
