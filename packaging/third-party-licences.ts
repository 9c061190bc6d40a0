import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a package says of itself in its `package.json`. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
}

const rule = '='.repeat(80)

/** The licence texts of the packages in these folders (relative to `root`), in that order. Throws where one has none. */
export async function thirdPartyLicences(root: string, folders: readonly string[]): Promise<string> {
  const sections = await Promise.all(folders.map((folder) => section(join(root, folder))))
  return `Waxseal's one file contains the packages below.\n\n${sections.join('\n')}`
}

async function section(folder: string): Promise<string> {
  const { name, version, license } = await readManifest(folder)
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).toSorted()
  if (license === undefined && files.length === 0) throw new Error(`${name} ${version} states no licence`)
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  return [rule, `${name} ${version} (${license ?? 'see below'})`, rule, ...texts.map((text) => text.trim()), ''].join(
    '\n',
  )
}

/** The manifest of the package in this folder. */
export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
}
