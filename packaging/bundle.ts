import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build, type Plugin } from 'esbuild-wasm'
import { thirdPartyLicences } from './third-party-licences.ts'

/**
 * Bundles the agent into `outDir`: `waxseal.cjs`, its source map, and the licences of what is in it. Equal sources make
 * equal bytes. Returns the package folders that went in, relative to `root`.
 */
export async function bundle(root: string, outDir: string): Promise<readonly string[]> {
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    // Named in the source map: wherever the bundle is written, its bytes are those of dist/.
    outfile: 'dist/waxseal.cjs',
    write: false,
    bundle: true,
    platform: 'node',
    // A script: for a module the runtime loads all that its own libraries export, WebSocket and fetch among them.
    format: 'cjs',
    target: 'node24',
    sourcemap: 'linked',
    sourcesContent: true,
    legalComments: 'none',
    // Every start reads all of it. Names stay as they are: a stack trace is read without the source map, too.
    minifyWhitespace: true,
    minifySyntax: true,
    // The texts of a tagged template would stay as they are written. One character beyond ASCII, and the runtime keeps two bytes for each.
    supported: { 'template-literal': false },
    metafile: true,
    plugins: [withoutUnused],
    logLevel: 'warning',
  })
  for (const { path, contents } of outputFiles) await writeFile(join(outDir, basename(path)), contents)
  await chmod(join(outDir, 'waxseal.cjs'), 0o755)
  const folders = packageFolders(Object.keys(metafile.inputs))
  await writeFile(join(outDir, 'THIRD-PARTY-LICENCES.txt'), await thirdPartyLicences(root, folders))
  return folders
}

/**
 * Of undici the Agent alone, as its index makes it, and HTTP/1.1 alone: what else the index and fastify import (fetch,
 * WebSocket, caches, mocks, HTTP/2, a second parser) would be read, run and kept by every agent.
 */
const withoutUnused: Plugin = {
  name: 'without-unused',
  setup: ({ onResolve, onLoad }) => {
    onLoad({ filter: /\/undici\/index\.js$/ }, () => ({
      contents: `Object.assign(require('./lib/dispatcher/dispatcher').prototype, require('./lib/api'))
exports.Agent = require('./lib/dispatcher/agent')`,
      loader: 'js',
    }))
    onResolve({ filter: /^node:http2$|\/client-h2\.js$|\/milo\// }, ({ path }) => ({ path, namespace: 'unused' }))
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: '', loader: 'js' }))
  },
}

/** `node_modules/a/node_modules/@b/c/d.js` → `node_modules/a/node_modules/@b/c`, each once, in order. */
function packageFolders(inputs: readonly string[]): readonly string[] {
  const folders = inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [])
  return [...new Set(folders)].toSorted()
}
