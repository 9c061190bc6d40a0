import { readFile } from 'node:fs/promises'
import t from 'tap'
import { connectorReference } from '../../docs/connector-reference.ts'
import { configSchema } from '../../src/config/config-schema.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { builtInConnectors } from '../../src/connector/registry/built-in.ts'
import { catalogue } from '../../src/error/catalogue.ts'

interface Schema {
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
}

t.test('docs/errors.md has a heading for each code, and no other', async (t) => {
  t.same(headings(await read('docs/errors.md'), '## '), Object.keys(catalogue))
})

t.test('docs/errors.md says of each code what the catalogue says', async (t) => {
  const text = await read('docs/errors.md')
  for (const [code, { host, retry }] of Object.entries(catalogue)) {
    const [, section = ''] = text.split(`\n## ${code}\n`)
    t.match(section.trimStart(), new RegExp(`^Host: ${host}. Retry: ${retry}.`), code)
  }
})

t.test('docs/configuration.md has a heading for each setting, and no other', async (t) => {
  const text = await read('docs/configuration.md')
  const documented = [...text.matchAll(/^#{2,3} `([^`]+)`$/gm)].map((match) => match[1] ?? '')

  t.same(documented.toSorted(), settings(configSchema, '').toSorted())
})

t.test('docs/connectors.md is what the schemas of the connectors say (npm run docs writes it)', async (t) => {
  t.equal(await read('docs/connectors.md'), await connectorReference(builtInConnectors))
})

t.test('docs/dependencies.md names each dependency of the package, and no other', async (t) => {
  const text = await read('docs/dependencies.md')
  const manifest = JSON.parse(await read('package.json')) as Readonly<Record<string, Record<string, string>>>
  const documented = [...text.matchAll(/^\| (`[^|]+`) +\|/gm)].flatMap((match) =>
    [...(match[1] ?? '').matchAll(/`([^`]+)`/g)].map((name) => name[1] ?? ''),
  )
  const all = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
    Object.keys(manifest[kind] ?? {}),
  )

  t.same(documented.toSorted(), all.toSorted())
})

t.test('the example configuration is valid, and shows every group of settings', async (t) => {
  const config = await loadConfig({ file: path('config/waxseal.example.yaml'), env: {} })
  const text = await read('config/waxseal.example.yaml')

  t.match(config, { controlPlane: { url: 'https://certs.example.net:8443' }, pollIntervalMs: 30_000 })
  for (const name of Object.keys(configSchema.properties)) t.match(text, new RegExp(`^(# )?${name}:`, 'm'), name)
})

t.test('the defaults that the example shows are the defaults', async (t) => {
  const shown = await loadConfig({ file: path('config/waxseal.example.yaml'), env: {} })
  const {
    controlPlane: _,
    targetsDir: __,
    ...defaults
  } = await loadConfig({ file: path('test/fixtures/empty.yaml'), env: {} })

  t.match(shown, defaults)
})

function path(file: string): string {
  return new URL(`../../${file}`, import.meta.url).pathname
}

function read(file: string): Promise<string> {
  return readFile(path(file), 'utf8')
}

function headings(text: string, mark: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(mark))
    .map((line) => line.slice(mark.length))
}

function settings({ properties = {} }: Schema, prefix: string): readonly string[] {
  return Object.entries(properties).flatMap(([name, inner]) => [
    `${prefix}${name}`,
    ...settings(inner, `${prefix}${name}.`),
  ])
}
