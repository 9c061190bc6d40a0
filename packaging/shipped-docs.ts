import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plugin } from 'esbuild-wasm'
import { root } from './root.ts'

/** Where the package puts the pages of `docs/`; README.md is one above, as in a checkout, so that links hold. */
export const installedDocs = '/usr/share/doc/waxseal/docs/'

/** Puts what `waxseal explain` says into the bundle: containers leave out /usr/share/doc. */
export const shippedDocs: Plugin = {
  name: 'shipped-docs',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/src\/cli\/print\/shipped-docs\.ts$/ }, async () => {
      const texts = await readFile(join(root, 'docs/errors.md'), 'utf8')
      return {
        contents: `export const docsFolder = ${JSON.stringify(installedDocs)}
export const readErrorTexts = async () => ${JSON.stringify(texts)}`,
        loader: 'js',
      }
    })
  },
}
