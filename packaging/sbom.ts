import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Runtime } from './runtime.ts'
import { readManifest } from './third-party-licences.ts'

interface Component {
  readonly type: 'library' | 'application'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses?: readonly object[]
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[]
}

/**
 * The bill of materials (CycloneDX 1.6) of what is in the package: the bundled packages, which are in `folders` relative
 * to `root`, and the runtime. No random serial number and no date: equal parts make equal bytes.
 */
export async function sbom(root: string, folders: readonly string[], runtime: Runtime): Promise<string> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly integrity?: string }>>
  }
  const own = await readManifest(root)
  const libraries = await Promise.all(
    folders.map(async (folder): Promise<Component> => {
      const { name, version, license } = await readManifest(join(root, folder))
      return component('library', name, version, license, lock.packages[folder]?.integrity)
    }),
  )
  const { name, version, integrity } = runtime
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name: own.name, version: own.version } },
    components: [...libraries, component('application', name, version, 'MIT', integrity)],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function component(
  type: Component['type'],
  name: string,
  version: string,
  license: string | undefined,
  integrity: string | undefined,
): Component {
  const content = Buffer.from(integrity?.replace('sha512-', '') ?? '', 'base64').toString('hex')
  return {
    type,
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
    ...(content === '' ? {} : { hashes: [{ alg: 'SHA-512', content }] }),
  }
}
