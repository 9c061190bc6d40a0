import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtInConnectors } from '../../../src/connector/built-in.ts'
import type { Connector, HostView } from '../../../src/connector/connector.ts'
import { planFor } from '../../../src/connector/plan-for.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import type { Plan } from '../../../src/plan/plan.ts'
import { printPlan } from '../../../src/plan/printed-plan.ts'
import { makeAuthority } from '../../support/certificates.ts'

const authority = await (await makeAuthority()).intermediate()
const material = await parseMaterial({ ...(await authority.issue({ names: ['mail.example.net'] })), now: new Date() })

const paths = { cert_path: '/srv/pair/cert.pem', key_path: '/srv/pair/key.pem', chain_path: '/srv/pair/chain.pem' }

/** A host on which nothing is. */
const host: HostView = {
  readFile: async () => null,
  exists: async () => false,
  mode: async () => null,
  user: async () => null,
  run: async () => ({ exitCode: 1, stdout: '' }),
}

t.test('every folder of src/connector is a built-in connector of its name, and the other way round', async (t) => {
  const source = fileURLToPath(new URL('../../../src/connector', import.meta.url))

  const entries = await readdir(source, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)

  t.same(
    folders.toSorted(),
    builtInConnectors.map(({ name }) => name),
  )
})

for (const connector of builtInConnectors) {
  t.test(`${connector.name} keeps the contract of a connector`, async (t) => {
    t.test('it has a description and an alias', async (t) => {
      t.match(connector.description, /^[A-Z].{10,}\.$/)
      t.ok(connector.aliases.length > 0)
    })

    t.test('its schema refuses additional properties, at every depth', async (t) => {
      for (const { path, schema } of objectsOf(connector.schema, '')) {
        t.equal(schema['additionalProperties'], false, path === '' ? 'the target' : path)
      }
    })

    t.test('equal inputs give equal plans', async (t) => {
      t.same(await plan(connector, paths), await plan(connector, paths))
      t.same(await plan(connector, {}), await plan(connector, {}))
    })

    t.test('the plan survives JSON, contents aside', async (t) => {
      const printed = printPlan(await plan(connector, { ...paths, endpoints: ['mail.example.net:25'] }))

      t.strictSame(JSON.parse(JSON.stringify(printed)), printed)
    })

    t.test('no file lies outside the declared paths', async (t) => {
      const { files } = await plan(connector, paths)

      t.same(files.map(({ path }) => path).toSorted(), Object.values(paths).toSorted())
    })

    t.test('it proposes no shell', async (t) => {
      const { check, activate, recover } = await plan(connector, {})
      const shells = /(^|\/)(sh|bash|dash|zsh|ksh|env|eval|xargs|sudo)$/

      const words = [check ?? [], ...activate, ...recover, ...connector.standardCommands].flat()

      t.ok(words.length > 0)
      t.same(
        words.filter((word) => shells.test(word)),
        [],
      )
    })

    t.test('its own commands are among its standard ones', async (t) => {
      const { check, activate, recover } = await plan(connector, {})

      for (const command of [check, ...activate, ...recover]) {
        t.ok(
          connector.standardCommands.some((standard) => standard.join(' ') === command?.join(' ')),
          String(command),
        )
      }
    })

    t.test('it has probes, or says why it has none', async (t) => {
      const seen = await plan(connector, { endpoints: ['mail.example.net:25'] })
      const blind = await plan(connector, {})

      t.equal(seen.probes.length, 1)
      t.equal(seen.unverified, null)
      t.same(blind.probes, [])
      t.match(blind.unverified, /^Nothing was verified: .+\.$/)
    })

    t.test('unknown fields are refused by name', async (t) => {
      t.same(await refusal(connector, { certpath: '/x' }), ['TARGET_INVALID', 'certpath'])
      t.same(await refusal(connector, { post_deploy_verify: { port: 25 } }), [
        'TARGET_INVALID',
        'post_deploy_verify.port',
      ])
    })

    t.test('relative paths are refused', async (t) => {
      for (const field of Object.keys(paths)) {
        for (const path of ['cert.pem', './cert.pem', '../cert.pem', '/a\0b']) {
          t.same(await refusal(connector, { [field]: path }), ['TARGET_INVALID', field])
        }
      }
    })

    t.test('redacted values are refused by name at any depth', async (t) => {
      for (const secret of ['********', '***', '<redacted>', '<REDACTED>', '[REDACTED]', '[redacted]']) {
        t.same(await refusal(connector, { key_path: secret }), ['TARGET_REDACTED', 'key_path'])
        t.same(await refusal(connector, { a: { b: [{ c: secret }] } }), ['TARGET_REDACTED', 'a.b.0.c'])
        t.same(await refusal(connector, { endpoints: ['a:25', secret] }), ['TARGET_REDACTED', 'endpoints.1'])
      }
    })

    t.test('empty commands and shell metacharacters are refused', async (t) => {
      const tails = [
        ';',
        '&',
        '|',
        '<',
        '>',
        '$',
        '`',
        '\\',
        '"',
        "'",
        '(',
        ')',
        '{',
        '}',
        '[',
        ']',
        '*',
        '?',
        '~',
        '#',
      ]
      for (const field of ['reload_command', 'validate_command']) {
        for (const line of ['', ' ', ' \t ', ...[...tails, '!', '\n', '\r'].map((tail) => `true ${tail} false`)]) {
          t.same(await refusal(connector, { [field]: line }), ['TARGET_INVALID', field], JSON.stringify(line))
        }
      }
    })

    t.test('a target that is none is refused', async (t) => {
      for (const config of [null, undefined, [], 'x', 1])
        t.equal((await refusal(connector, config))[0], 'TARGET_INVALID')
    })

    t.test('a target that is too large or nested too deep is refused, not recursed into', async (t) => {
      const deep: unknown = JSON.parse('['.repeat(30_000) + ']'.repeat(30_000))

      t.match(await reasonOf(connector, { endpoints: deep }), /nested more than/)
      t.match(await reasonOf(connector, { mode: 'x'.repeat(65_536) }), /larger than/)
    })
  })
}

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
