import { readFile, writeFile } from 'node:fs/promises'

interface Locked {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/**
 * The lock with the platforms' packages that `npm install` left out, and without the addresses of registries. The address of a
 * package that npm 11.6 cannot look up stays, at no host: .npmrc has it replaced by the registry that is configured.
 */
async function completed(text: string): Promise<string> {
  const lock = JSON.parse(text) as { packages: Record<string, Locked> }
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`
      if (lock.packages[key] === undefined && /^\d/.test(version)) lock.packages[key] = missing(name, version, parent)
    }
  }
  const packages = Object.entries(lock.packages)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(async ([key, { resolved: _, ...kept }]) => [
      key,
      (await isMisread(key)) ? { resolved: addressOf(key, kept), ...kept } : kept,
    ])
  return `${JSON.stringify({ ...lock, packages: Object.fromEntries(await Promise.all(packages)) }, null, 2)}\n`
}

/** npm 11.6 ends with ERR_INVALID_ARG_TYPE when it looks up a package that names its programs by their folder. */
async function isMisread(key: string): Promise<boolean> {
  if (key === '') return false
  const text = await readFile(new URL(`../${key}/package.json`, import.meta.url), 'utf8').catch(() => '{}')
  const { bin, directories } = JSON.parse(text) as { bin?: unknown; directories?: { bin?: string } }
  return bin === undefined && directories?.bin !== undefined
}

function addressOf(key: string, { version }: Locked): string {
  const name = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length)
  return `https://registry.invalid/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`
}

const systems = ['linux', 'darwin', 'win32', 'freebsd', 'openbsd', 'netbsd', 'android', 'sunos', 'aix', 'openharmony']
const architectures = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64', 'mips64el', 'wasm32']

/** What npm would have written: the platform is in the package's name. */
function missing(name: string, version: string, { license, dev }: Locked): Locked {
  const words = name.split(/[-/]/)
  return {
    version,
    cpu: architectures.filter((one) => words.includes(one)),
    ...(dev === undefined ? {} : { dev }),
    ...(words.includes('musl') ? { libc: ['musl'] } : {}),
    ...(license === undefined ? {} : { license }),
    optional: true,
    os: systems.filter((one) => words.includes(one)),
  }
}

const path = new URL('../package-lock.json', import.meta.url)
const text = await readFile(path, 'utf8')
const whole = await completed(text)
if (!process.argv.includes('--check')) await writeFile(path, whole)
else if (whole !== text) {
  console.error('package-lock.json is not complete. Run: sh .ci/with-node node .ci/complete-lock.ts')
  process.exitCode = 1
}
