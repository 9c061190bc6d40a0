import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { connectorReference } from '../../docs/connector-reference.ts'
import { configSchema } from '../../src/config/config-schema.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { builtInConnectors } from '../../src/connector/registry/built-in.ts'
import { catalogue } from '../../src/error/catalogue.ts'
import { notifySchema } from '../../src/notice/notify-settings.ts'
import { errorsText, schemaCheck } from '../../src/schema/schema-check.ts'
import { acmeSchema } from '../../src/server/config/acme-section.ts'
import { dnsSchema } from '../../src/server/config/dns-section.ts'
import { issuersSchema, moduleSchema } from '../../src/server/config/issuer-section.ts'
import { loadServerConfig, serverConfigSchema } from '../../src/server/config/load-server-config.ts'
import { versionsSchema } from '../../src/server/config/versions-section.ts'

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

t.test('docs/server-configuration.md has a heading for each setting of the control plane, and no other', async (t) => {
  const text = await read('docs/server-configuration.md')
  const documented = [...text.matchAll(/^#{2,3} `([^`]+)`$/gm)].map((match) => match[1] ?? '')
  const known = [
    ...settings(serverConfigSchema, ''),
    ...settings(dnsSchema.items, 'dns.'),
    ...settings(issuersSchema, 'issuers.'),
    ...settings(acmeSchema, 'issuers.NAME.'),
    ...settings(moduleSchema, 'issuers.NAME.'),
    ...settings(notifySchema, 'notify.'),
    ...settings(versionsSchema, 'versions.'),
  ]

  t.same(documented.toSorted(), known.toSorted())
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

t.test("the example of the control plane's configuration is valid, and says the defaults", async (t) => {
  const shown = await loadServerConfig(path('config/control-plane.example.yaml'))

  t.same(shown, await loadServerConfig(path('test/fixtures/empty.yaml')))
})

t.test(
  "the example of the control plane's configuration shows every setting, and what is commented out is valid",
  async (t) => {
    const shown = parse(uncommented(await read('config/control-plane.example.yaml'))) as Readonly<
      Record<string, object>
    >
    const { issuers = {}, dns, notify, versions } = shown
    const { local: _, ...named } = issuers as Readonly<Record<string, object>>
    const sections = [
      { schema: serverConfigSchema, values: [shown] },
      { schema: dnsSchema.items, values: dns as readonly object[] },
      { schema: issuersSchema, values: [issuers] },
      { schema: acmeSchema, values: Object.values(named).filter((issuer) => 'acme' in issuer) },
      { schema: moduleSchema, values: Object.values(named).filter((issuer) => 'module' in issuer) },
      { schema: notifySchema, values: [notify] },
      { schema: versionsSchema, values: [versions] },
    ]

    for (const { schema, values } of sections) {
      const check = schemaCheck<object>(schema)
      for (const value of values) t.ok(check(value), errorsText(check, JSON.stringify(value)))
      const present = values.flatMap((value) => keysOf(value, ''))
      t.same(
        settings(schema, '').filter((name) => !present.includes(name)),
        [],
      )
    }
  },
)

t.test('each law, part of the protocol and point of the policy that is named anywhere has its heading', async (t) => {
  const pages = { law: '## Law N: ', protocol: '## N. ', policy: '## N. ' } as const
  const texts = { law: await read('docs/design/laws.md'), protocol: '', policy: '' }
  for (const page of ['protocol', 'policy'] as const) texts[page] = await read(`docs/design/${page}.md`)
  const missing: string[] = []
  let named = 0
  for (const { file, text } of await texting()) {
    if (/\bdesign \u00a7/i.test(text)) missing.push(`${file}: of the design no part has a number`)
    for (const [words, law, part, point] of text.matchAll(/\blaw (\d+)|\bprotocol §(\d+)|\bpolicy (\d+)\b/gi)) {
      named += 1
      const page = law !== undefined ? 'law' : part !== undefined ? 'protocol' : 'policy'
      const heading = pages[page].replace('N', law ?? part ?? point ?? '')
      if (!texts[page].split('\n').some((line) => line.startsWith(heading))) missing.push(`${file}: ${words}`)
    }
  }

  t.same(missing, [])
  t.ok(named > 40, String(named))
})

t.test('each test that a page of the design names is there, by its file and its title', async (t) => {
  const missing: string[] = []
  let named = 0
  for (const page of await pagesOf('docs/design')) {
    for (const [, file = '', title = ''] of (await read(page)).matchAll(/`(test\/[\w./-]+\.test\.ts)`: \*([^*]+)\*/g)) {
      named += 1
      const text = await read(file).catch(() => '')
      if (!text.replaceAll("\\'", "'").includes(title)) missing.push(`${page}: ${file}: ${title}`)
    }
  }

  t.same(missing, [])
  t.ok(named > 20, String(named))
})

t.test('each link of a page leads to a file that is there, and to one of its headings', async (t) => {
  const dead: string[] = []
  for (const page of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...(await pagesOf('docs'))]) {
    for (const [, link = '', anchor = ''] of (await read(page)).matchAll(
      /\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g,
    )) {
      const target = link === '' ? page : join(dirname(page), link)
      const isThere = await stat(path(target)).then(
        () => true,
        () => false,
      )
      if (!isThere || (anchor !== '' && !anchorsOf(await read(target)).includes(anchor)))
        dead.push(`${page}: ${link}#${anchor}`)
    }
  }

  t.same(dead, [])
})

t.test('each page that a source names is there', async (t) => {
  const missing: string[] = []
  for (const { file, text } of await texting()) {
    for (const [name] of text.matchAll(/(?<![\w/])docs\/[\w/-]+\.md\b/g))
      if (!(await stat(path(name)).catch(() => null))?.isFile()) missing.push(`${file}: ${name}`)
  }

  t.same(missing, [])
})

t.test('docs/architecture.md has a row for each folder of the sources, and for none that is not there', async (t) => {
  const rows = [...(await read('docs/architecture.md')).matchAll(/^\| (`[^|]+) \|/gm)].map((match) => match[1] ?? '')
  const named = rows.flatMap((row) => [...row.matchAll(/`([\w/-]+)\/`/g)].map((match) => match[1] ?? ''))
  const folders = (await readdir(path('src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(path('src/').length))

  t.same(
    named.filter((name) => !name.includes('/')).toSorted(),
    folders.filter((name) => !name.includes('/')).toSorted(),
  )
  for (const name of named) t.ok(folders.includes(name), name)
})

/** Every text file that people write, with what is in it. */
async function texting(): Promise<readonly { readonly file: string; readonly text: string }[]> {
  const folders = ['src', 'test', 'bench', 'packaging', 'systemd', 'config', 'docs']
  const below = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(path(folder), { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile() && !/\.(json|pem|der|p12)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name).slice(path('').length)),
    ),
  )
  const files = [...below.flat(), 'README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'Dockerfile']
  return Promise.all(files.map(async (file) => ({ file, text: await read(file) })))
}

async function pagesOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(path(folder), { recursive: true })
  return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
}

/** As they are made of headings: lower case, without marks, with dashes for blanks. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Of mappings in mappings: `nsupdate`, `nsupdate.server`. */
function keysOf(value: unknown, prefix: string): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => [`${prefix}${name}`, ...keysOf(inner, `${prefix}${name}.`)])
}

/** With the settings that stand in comments; sentences stay comments. */
function uncommented(text: string): string {
  return text.replaceAll(
    /^( *)# ( *)((?:# )?(?:- )?[a-z_]+:(?: |$).*)$/gm,
    (_, indent: string, more: string, rest: string) =>
      rest.startsWith('resolvers:') ? '' : `${indent}${more}${rest.replace(/^# /, '')}`,
  )
}

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
