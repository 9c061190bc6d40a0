import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild-wasm'
import { compiledSchemas, type Program } from './compiled-schemas.ts'
import { shippedDocs } from './shipped-docs.ts'
import { thirdPartyLicences } from './third-party-licences.ts'

/**
 * Bundles the programs into `outDir`: `waxseal.cjs`, `courier.cjs` and `deployer.cjs`, their source maps, the licences of what is in them, and what starts
 * them from their code caches (start/). Equal sources make equal bytes. Returns the package folders that went in, relative to `root`.
 */
export async function bundle(root: string, outDir: string): Promise<readonly string[]> {
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  for (const name of ['start', 'cache-code'])
    await write(outDir, await build({ ...script(root, `packaging/start/${name}.ts`), outfile: `dist/${name}.cjs` }))
  const folders = new Set<string>()
  for (const [name, entry] of [
    ['waxseal', 'src/main.ts'],
    ['courier', 'src/courier-main.ts'],
    ['deployer', 'src/deployer-main.ts'],
  ] as const)
    for (const folder of await bundleProgram(root, outDir, name, entry)) folders.add(folder)
  await chmod(join(outDir, 'start.cjs'), 0o755)
  const sorted = [...folders].toSorted()
  await writeFile(join(outDir, 'THIRD-PARTY-LICENCES.txt'), await thirdPartyLicences(root, sorted))
  return sorted
}

/** Returns the package folders that went in. */
async function bundleProgram(root: string, outDir: string, name: Program, entry: string): Promise<readonly string[]> {
  const program = await build({
    ...script(root, entry),
    // Named in the source map: wherever the bundle is written, its bytes are those of dist/.
    outfile: `dist/${name}.cjs`,
    sourcemap: 'linked',
    sourcesContent: true,
    // Every start reads all of it, and the agent keeps it in memory.
    minify: true,
    lineLimit: 200,
    // The texts of a tagged template would stay as they are written. One character beyond ASCII, and the runtime keeps two bytes for each.
    supported: { 'template-literal': false },
    // node-cron asks where it is, for tasks in processes of their own, which nobody here has: a script has no answer, and would not start.
    define: { 'import.meta.url': JSON.stringify('file:///usr/lib/waxseal/') },
    metafile: true,
    plugins: [compiledSchemas(name), shippedDocs, withoutUnused, withNames],
  })
  await write(outDir, program)
  // It is started by start.cjs, or by a runtime that is named: the first line stays, empty, for the source map.
  const file = join(outDir, `${name}.cjs`)
  await writeFile(file, (await readFile(file, 'latin1')).replace(/^#!.*/, ''), 'latin1')
  return packageFolders(Object.keys(program.metafile.inputs))
}

/** A script: for a module the runtime loads all that its own libraries export, WebSocket and fetch among them. */
function script(root: string, entry: string) {
  return {
    absWorkingDir: root,
    entryPoints: [entry],
    write: false,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    legalComments: 'none',
    logLevel: 'warning',
  } as const satisfies BuildOptions
}

async function write(outDir: string, { outputFiles }: { readonly outputFiles: readonly OutputFile[] }): Promise<void> {
  for (const { path, contents } of outputFiles) await writeFile(join(outDir, basename(path)), contents)
}

/**
 * Of undici the Agent and the connector alone, as its index makes them, and HTTP/1.1 alone: what else the index and fastify
 * import (fetch, WebSocket, caches, mocks, HTTP/2, a second parser; semver for the versions of plugins, which the lock file has
 * settled) would be read, run and kept by every agent.
 */
const withoutUnused: Plugin = {
  name: 'without-unused',
  setup: ({ onResolve, onLoad }) => {
    onLoad({ filter: /\/undici\/index\.js$/ }, () => ({
      contents: `Object.assign(require('./lib/dispatcher/dispatcher').prototype, require('./lib/api'))
exports.Agent = require('./lib/dispatcher/agent')
exports.buildConnector = require('./lib/core/connect')`,
      loader: 'js',
    }))
    onResolve({ filter: /^node:http2$|^semver$|\/client-h2\.js$|\/milo\// }, ({ path }) => ({
      path,
      namespace: 'unused',
    }))
    onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({
      contents: path === 'semver' ? 'exports.satisfies = () => true' : '',
      loader: 'js',
    }))
  },
}

/** `@peculiar/asn1-schema` knows a sequence by the name of its class: the classes of this library keep their names. */
const withNames: Plugin = {
  name: 'with-names',
  setup: ({ onLoad, esbuild }) => {
    onLoad({ filter: /\/node_modules\/asn1js\/.*\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const { code } = await esbuild.transform(text, { keepNames: true, sourcemap: 'inline', sourcefile: path })
      return { contents: code, loader: 'js' }
    })
  },
}

/** `node_modules/a/node_modules/@b/c/d.js` → `node_modules/a/node_modules/@b/c`, each once, in order. */
function packageFolders(inputs: readonly string[]): readonly string[] {
  const folders = inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [])
  return [...new Set(folders)].toSorted()
}
