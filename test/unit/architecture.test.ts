import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const source = fileURLToPath(new URL('../../src', import.meta.url))

/** Which folder may import which (docs/architecture.md). Stages never import each other; the two halves join them. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  error: [],
  schema: [],
  text: [],
  page: ['text'],
  limit: ['error'],
  look: ['control-plane', 'dns', 'host', 'material', 'policy', 'verify'],
  'mta-sts': ['control-plane', 'dns', 'host'],
  notice: ['control-plane', 'error', 'host', 'plan', 'schema', 'text'],
  order: ['error', 'limit', 'schema'],
  plan: [],
  outcome: ['error', 'plan'],
  host: ['error', 'plan', 'outcome', 'connector', 'schema'],
  dns: ['error', 'host', 'schema', 'text', 'limit'],
  material: ['error', 'host', 'limit', 'plan'],
  acme: ['control-plane', 'dns', 'error', 'host', 'material', 'schema', 'text'],
  connector: ['error', 'limit', 'material', 'plan', 'schema'],
  config: ['error', 'host', 'limit', 'notice', 'order', 'plan', 'schema'],
  policy: ['config', 'dns', 'error', 'host', 'material', 'plan'],
  journal: ['host', 'outcome', 'plan', 'schema'],
  apply: ['error', 'host', 'limit', 'outcome', 'plan'],
  rollback: ['error', 'host', 'plan'],
  verify: ['host', 'outcome', 'plan'],
  documents: ['error', 'host', 'journal', 'limit', 'notice', 'order', 'outcome', 'plan', 'schema'],
  inbox: ['documents', 'host', 'limit'],
  outbox: ['documents', 'error', 'host'],
  'control-plane': ['documents', 'error', 'limit', 'order', 'outcome', 'plan', 'schema'],
  log: ['text'],
  status: ['config', 'documents', 'host', 'journal', 'outcome', 'page', 'schema', 'text'],
  server: 'acme config connector control-plane dns error host material notice order outcome page plan schema'.split(
    ' ',
  ),
  demo: ['control-plane', 'error', 'host', 'plan', 'server', 'verify'],
  deployer:
    'acme apply config connector control-plane documents error host inbox journal limit material notice order outbox outcome plan policy rollback schema verify'.split(
      ' ',
    ),
  courier: 'acme control-plane documents error host look mta-sts notice outbox outcome'.split(' '),
  examine:
    'config connector control-plane deployer dns documents error host journal material mta-sts outbox outcome plan policy'.split(
      ' ',
    ),
  cli: 'config control-plane courier demo deployer dns documents error examine host inbox journal log material notice order outbox outcome plan server status text verify'.split(
    ' ',
  ),
}

/** What `host/` may import from folders above it: the words that it speaks, never their code. */
const typesOnly = { host: ['plan', 'outcome', 'connector'] } as const

/** The control plane's one direction: each of its folders imports the code of those after it alone. */
const serverOrder = [
  'route',
  'fleet',
  'http',
  'operation',
  'store',
  'issuer',
  'authority',
  'config',
  'dane',
  'rollout',
  'renewal',
]

const privileged = /^node:(fs|child_process|net|tls|dns|os|http|https|dgram|cluster|worker_threads)(\/|$)/

interface Module {
  /** Relative to `src`. */
  readonly file: string
  readonly folder: string
  readonly text: string
  readonly imports: readonly { readonly from: string; readonly isType: boolean }[]
}

const modules = await readModules()

t.test('every folder of the source has a row in the table', async (t) => {
  const folders = new Set(modules.map(({ folder }) => folder).filter((folder) => folder !== ''))

  t.same([...folders].toSorted(), Object.keys(mayImport).toSorted())
})

t.test('a folder imports only what the table allows', async (t) => {
  const violations = modules.flatMap(({ file, folder, imports }) =>
    imports
      .filter(({ from }) => from.startsWith('.'))
      .map(({ from }) => folderOf(resolveFrom(file, from)))
      .filter((other) => folder !== '' && other !== '' && other !== folder && !mayImport[folder]?.includes(other))
      .map((other) => `${file} imports ${other}`),
  )

  t.same(violations, [])
})

t.test('host imports types alone from the folders above it', async (t) => {
  const violations = modules
    .filter(({ folder }) => folder === 'host')
    .flatMap(({ file, imports }) =>
      imports
        .filter(({ from, isType }) => !isType && typesOnly.host.some((other) => from.startsWith(`../${other}/`)))
        .map(({ from }) => `${file} imports ${from}`),
    )

  t.same(violations, [])
})

t.test('in the control plane a call goes one way: route, http, operation, store', async (t) => {
  const rank = (file: string): number => serverOrder.indexOf(/^server\/([^/]+)\//.exec(file)?.[1] ?? '')
  const violations = modules
    .filter(({ file }) => rank(file) >= 0)
    .flatMap(({ file, imports }) =>
      imports
        .filter(({ from, isType }) => !isType && from.startsWith('.'))
        .map(({ from }) => resolveFrom(file, from))
        .filter((other) => other.startsWith('server/') && rank(other) < rank(file))
        .map((other) => `${file} imports ${other}`),
    )

  t.same(violations, [])
})

t.test('only host touches files, processes and sockets', async (t) => {
  const violations = modules
    .filter(({ folder }) => folder !== 'host')
    .flatMap(({ file, imports }) =>
      imports.filter(({ from }) => privileged.test(from)).map(({ from }) => `${file} imports ${from}`),
    )

  t.same(violations, [])
})

t.test('connectors import nothing of node', async (t) => {
  const violations = modules.filter(
    ({ folder, imports }) =>
      folder === 'connector' && imports.some(({ from }) => !from.startsWith('.') && from !== 'ajv'),
  )

  t.same(violations, [])
})

t.test('only the programs and cli read the environment, the arguments and signals', async (t) => {
  const violations = modules.filter(
    ({ file, folder, text }) =>
      !['main.ts', 'courier-main.ts', 'deployer-main.ts'].includes(file) &&
      folder !== 'cli' &&
      /\bprocess\.(env|argv|on|once|exit\b)/.test(text),
  )

  t.same(
    violations.map(({ file }) => file),
    [],
  )
})

t.test('no certificate becomes a legacy object: on some keys that ends the process (Node 24.21)', async (t) => {
  const violations = modules.filter(({ text }) => /\.getPeerCertificate\(|\.toLegacyObject\(/.test(text))

  t.same(
    violations.map(({ file }) => file),
    [],
  )
})

t.test('no shell runs anything', async (t) => {
  const violations = modules.filter(({ text }) =>
    /shell: true|(?<![.\w])exec(Sync|File)?\(|['"](\/bin\/)?(ba)?sh['"]/.test(text),
  )

  t.same(
    violations.map(({ file }) => file),
    [],
  )
})

t.test('there is no import cycle', async (t) => {
  const edges = new Map(
    modules.map(({ file, imports }) => [
      file,
      imports.filter(({ from }) => from.startsWith('.')).map(({ from }) => resolveFrom(file, from)),
    ]),
  )
  const cycles: string[] = []
  // What was left once without a cycle has none: to go through it on each way that leads there took half a minute.
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) {
      for (const next of edges.get(file) ?? []) visit(next, [...path, file])
      done.add(file)
    }
  }
  for (const file of edges.keys()) visit(file, [])

  t.same(cycles, [])
})

t.test('files are small: none above 300 lines', async (t) => {
  const long = modules.filter(({ text }) => text.split('\n').length > 300)

  t.same(
    long.map(({ file }) => file),
    [],
  )
})

async function readModules(): Promise<readonly Module[]> {
  const names = await readdir(source, { recursive: true })
  return Promise.all(names.filter((name) => name.endsWith('.ts')).map(readModule))
}

async function readModule(file: string): Promise<Module> {
  const text = await readFile(join(source, file), 'utf8')
  const statements = text.matchAll(
    /^(?:import|export)\s(type\s)?[^'"]*?from\s*'([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm,
  )
  const imports = [...statements].map((match) => ({
    isType: match[1] !== undefined,
    from: match[2] ?? match[3] ?? match[4] ?? '',
  }))
  return { file, folder: folderOf(file), text, imports }
}

function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : ''
}

function resolveFrom(file: string, from: string): string {
  return relative(source, resolve(join(source, dirname(file)), from))
}
