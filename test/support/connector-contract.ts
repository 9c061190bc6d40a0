import { dirname } from 'node:path'
import type { Test } from 'tap'
import type { Connector, HostView } from '../../src/connector/connector.ts'
import { planFor } from '../../src/connector/plan-for.ts'
import { WaxsealError } from '../../src/error/waxseal-error.ts'
import { parseMaterial } from '../../src/material/parse-material.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { printPlan } from '../../src/plan/printed-plan.ts'
import { makeAuthority } from './certificates.ts'

const authority = await (await makeAuthority()).intermediate()
const material = await parseMaterial({ ...(await authority.issue({ names: ['mail.example.net'] })), now: new Date() })

/** A host on which nothing is. */
const host: HostView = {
  readFile: async () => null,
  exists: async () => false,
  mode: async () => null,
  user: async () => null,
  password: async () => ({ reason: 'nothing is on this host' }),
  run: async () => ({ exitCode: 1, stdout: '' }),
}

type Schema = Readonly<Record<string, unknown>>
type Target = Readonly<Record<string, unknown>>

/** What every connector promises, built-in or from outside; asked of its example alone. */
export async function keepsContract(t: Test, connector: Connector): Promise<void> {
  const example = connector.example as Target

  await t.test('it has a description and an alias', async (t) => {
    t.match(connector.description, /^[A-Z].{10,}\.$/)
    t.ok(connector.aliases.length > 0)
  })

  await t.test('its schema refuses additional properties, at every depth, and describes each field', async (t) => {
    for (const { path, schema } of objectsOf(connector.schema, '')) {
      t.equal(schema['additionalProperties'], false, path === '' ? 'the target' : path)
    }
    for (const [field, { description }] of fieldsOf(connector)) t.type(description, 'string', field)
  })

  await t.test('its example is a target', async (t) => {
    await t.resolves(plan(connector, example))
  })

  await t.test('equal inputs give equal plans', async (t) => {
    t.same(await plan(connector, example), await plan(connector, structuredClone(example)))
  })

  await t.test('the plan survives JSON, contents aside', async (t) => {
    const printed = printPlan(await plan(connector, example))

    t.strictSame(JSON.parse(JSON.stringify(printed)), printed)
  })

  await t.test('no file lies outside the declared paths', async (t) => {
    const declared = stringsOf(example).filter((text) => text.startsWith('/'))

    const { files } = await plan(connector, example)

    t.ok(files.length > 0)
    for (const { path } of files) t.ok(declared.includes(path) || declared.includes(dirname(path)), path)
  })

  await t.test('a file that holds the key is for nobody but its owner and group', async (t) => {
    const { files } = await plan(connector, example)
    const secret = files.filter(({ contents }) => Buffer.from(contents).includes('PRIVATE KEY'))

    for (const { role, mode } of secret) t.ok(/^(key|bundle)$/.test(role) && (mode === 'keep' || (mode & 0o007) === 0))
  })

  await t.test('it proposes no shell', async (t) => {
    const { check, activate, recover } = await plan(connector, example)
    const shells = /(^|\/)(sh|bash|dash|zsh|ksh|env|eval|xargs|sudo)$/

    const words = [check ?? [], ...activate, ...recover, ...connector.standardCommands].flat()

    t.same(
      words.filter((word) => shells.test(word)),
      [],
    )
  })

  await t.test('its own commands are among its standard ones', async (t) => {
    const { check, activate, recover } = await plan(connector, without(example, commandFieldsOf(connector)))

    for (const command of [...(check === null ? [] : [check]), ...activate, ...recover])
      t.ok(connector.standardCommands.some(fits(command)), command.join(' '))
  })

  await t.test('it has probes, or says why it has none', async (t) => {
    const seen = await plan(connector, { ...example, endpoints: ['mail.example.net:25'] })
    const blind = await plan(connector, without(example, ['endpoints', 'post_deploy_verify']))

    t.equal(seen.probes.length, 1)
    t.equal(seen.unverified, null)
    t.same(blind.probes, [])
    t.match(blind.unverified, /^Nothing was verified: .+\.$/)
  })

  await t.test('unknown fields are refused by name', async (t) => {
    t.same(await refusal(connector, { ...example, certpath: '/x' }), ['TARGET_INVALID', 'certpath'])
    t.same(await refusal(connector, { ...example, post_deploy_verify: { port: 25 } }), [
      'TARGET_INVALID',
      'post_deploy_verify.port',
    ])
  })

  await t.test('relative paths are refused', async (t) => {
    const places = pathPlacesOf(connector)

    t.ok(places.length > 0)
    for (const { field, put } of places) {
      for (const path of ['cert.pem', './cert.pem', '../cert.pem', '/a\0b']) {
        t.same(await refusal(connector, put(path)), ['TARGET_INVALID', field])
      }
    }
  })

  await t.test('redacted values are refused by name at any depth', async (t) => {
    for (const secret of ['********', '***', '<redacted>', '<REDACTED>', '[REDACTED]', '[redacted]']) {
      t.same(await refusal(connector, { ...example, a: { b: [{ c: secret }] } }), ['TARGET_REDACTED', 'a.b.0.c'])
      for (const field of Object.keys(example))
        t.same(await refusal(connector, { ...example, [field]: secret }), ['TARGET_REDACTED', field])
    }
  })

  await t.test('empty commands and shell metacharacters are refused', async (t) => {
    for (const field of commandFieldsOf(connector)) {
      for (const line of ['', ' ', ' \t ', ...metacharacters.split('').map((tail) => `true ${tail} false`)]) {
        t.same(await refusal(connector, { ...example, [field]: line }), ['TARGET_INVALID', field], JSON.stringify(line))
      }
    }
  })

  await t.test('a target that is none is refused', async (t) => {
    for (const config of [null, undefined, [], 'x', 1]) t.equal((await refusal(connector, config))[0], 'TARGET_INVALID')
  })

  await t.test('a target that is too large or nested too deep is refused, not recursed into', async (t) => {
    const deep: unknown = JSON.parse('['.repeat(30_000) + ']'.repeat(30_000))

    t.match(await reasonOf(connector, { ...example, endpoints: deep }), /nested more than/)
    t.match(await reasonOf(connector, { ...example, mode: 'x'.repeat(65_536) }), /larger than/)
  })
}

const metacharacters = ';&|<>$`\\"\'(){}[]*?~#!\n\r'

function plan(connector: Connector, config: unknown): Promise<Plan> {
  return planFor(connector, config, material, host, AbortSignal.timeout(10_000))
}

/** Code and field of the error that this target meets. */
async function refusal(connector: Connector, config: unknown): Promise<readonly unknown[]> {
  return plan(connector, config).then(
    () => ['accepted'],
    (error: unknown) => (error instanceof WaxsealError ? [error.code, error.details['field']] : [String(error)]),
  )
}

async function reasonOf(connector: Connector, config: unknown): Promise<unknown> {
  const error: unknown = await plan(connector, config).catch((caught: unknown) => caught)
  return error instanceof WaxsealError && error.code === 'TARGET_INVALID' ? error.details['reason'] : error
}

/** Word by word; a placeholder of a standard command takes any word. */
function fits(command: readonly string[]): (standard: readonly string[]) => boolean {
  return (standard) =>
    standard.length === command.length &&
    standard.every((word, index) => word === command[index] || /^<[a-z]+>$/.test(word))
}

function fieldsOf({ schema }: Connector): readonly (readonly [string, Schema])[] {
  return Object.entries((schema as { readonly properties: Readonly<Record<string, Schema>> }).properties)
}

/** Where a target has paths: in a field, or in a field of each item of a list. */
function pathPlacesOf(
  connector: Connector,
): readonly { readonly field: string; readonly put: (path: string) => Target }[] {
  const example = connector.example as Target
  const isPath = ({ pattern }: Schema): boolean => /^\^\(?\//.test(String(pattern))
  return fieldsOf(connector).flatMap(([field, schema]) => {
    if (isPath(schema)) return [{ field, put: (path: string) => ({ ...example, [field]: path }) }]
    const { properties = {} } = (schema['items'] ?? {}) as { readonly properties?: Readonly<Record<string, Schema>> }
    const [first] = Array.isArray(example[field]) ? (example[field] as readonly Target[]) : []
    return Object.entries(properties)
      .filter(([, inner]) => isPath(inner))
      .map(([inner]) => ({
        field: `${field}.0.${inner}`,
        put: (path: string) => ({ ...example, [field]: [{ ...first, [inner]: path }] }),
      }))
  })
}

function commandFieldsOf(connector: Connector): readonly string[] {
  return fieldsOf(connector).flatMap(([field]) => (field.endsWith('_command') ? [field] : []))
}

function without(target: Target, fields: readonly string[]): Target {
  return Object.fromEntries(Object.entries(target).filter(([field]) => !fields.includes(field)))
}

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : []
}

/** Every schema of an object in a schema, with where it stands. */
function objectsOf(
  value: unknown,
  path: string,
): readonly { readonly path: string; readonly schema: Readonly<Record<string, unknown>> }[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value).flatMap(([name, child]) => objectsOf(child, `${path}/${name}`))
  const schema = value as Readonly<Record<string, unknown>>
  return schema['type'] === 'object' ? [{ path, schema }, ...inner] : inner
}
