import { dirname, join, resolve } from 'node:path'
import type { ErrorObject } from 'ajv'
import { nearest } from '../error/nearest.ts'
import type { WaxsealError } from '../error/waxseal-error.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { inWords } from '../schema/in-words.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import type { Config } from './config.ts'
import { configSchema } from './config-schema.ts'
import { readHostTargets } from './host-targets.ts'
import { readOrderPolicy } from './order-policy.ts'
import { configInvalid, parseYaml } from './parse-yaml.ts'
import { requireOurs } from './require-ours.ts'
import { resolveConfig, type WrittenConfig } from './resolve-config.ts'

/** The environment as `main.ts` hands it on. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where the configuration is when nobody says otherwise. */
export const defaultConfigFile = '/etc/waxseal/waxseal.yaml'

const maxBytes = 1024 * 1024
const validate = schemaCheck<WrittenConfig>(configSchema)

/**
 * Reads, checks and completes the configuration. CONFIG_INVALID names file, path in the document, reason and way out.
 * A missing file is an error only where the caller named it.
 */
export async function loadConfig(source: {
  /** Null: the default file, which may be missing. */
  readonly file: string | null
  readonly env: Environment
}): Promise<Config> {
  const file = source.file ?? defaultConfigFile
  const written = await readWritten(file, source.file !== null)
  const targetsDir = written.targets_dir ?? join(dirname(resolve(file)), 'targets')
  const orders = await readOrderPolicy(file, written.policy?.orders)
  return resolveConfig(written, source.env, file, {
    targetsDir,
    hostTargets: await readHostTargets(targetsDir),
    orders,
  })
}

/**
 * What a recovery goes by, of a configuration that is not valid as a whole: where the state is, and what policy says of paths, commands
 * and probes. Null: not even that can be read.
 */
export async function loadForRecovery(file: string | null): Promise<Config | null> {
  const path = file ?? defaultConfigFile
  try {
    const bytes = await readBounded(path, maxBytes)
    if (bytes === null) return null
    await requireOurs(path)
    const written = parseYaml(path, Buffer.from(bytes).toString('utf8')) as WrittenConfig
    const { roots, commands, probes } = written.policy ?? {}
    const left = withoutMissing({ state_dir: written.state_dir, policy: withoutMissing({ roots, commands, probes }) })
    if (!validate(left)) return null
    return resolveConfig(left, {}, path, { targetsDir: '', hostTargets: { targets: [], broken: [] }, orders: null })
  } catch {
    return null
  }
}

function withoutMissing(settings: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

async function readWritten(file: string, isRequired: boolean): Promise<WrittenConfig> {
  const bytes = await readBounded(file, maxBytes).catch((error: Error) => {
    throw configInvalid(file, '', error.message, 'Make the file readable, or name another with --config.')
  })
  if (bytes === null) {
    if (!isRequired) return {}
    throw configInvalid(file, '', 'there is no such file', 'Name a file that exists with --config.')
  }
  await requireOurs(file)
  const value = parseYaml(file, Buffer.from(bytes).toString('utf8')) ?? {}
  if (validate(value)) return value
  throw describeInvalid(file, validate.errors?.[0])
}

function describeInvalid(file: string, error: ErrorObject | undefined): WaxsealError {
  const path = pathOf(error?.instancePath ?? '')
  const unknown = error?.params['additionalProperty'] as string | undefined
  if (unknown !== undefined) {
    const place = path === '' ? unknown : `${path}.${unknown}`
    const meant = nearest(unknown, Object.keys((error?.parentSchema?.['properties'] as object | undefined) ?? {}))
    const hint = meant === null ? 'docs/configuration.md lists every setting.' : `Is ${meant} meant?`
    return configInvalid(file, place, 'no such setting is known', hint)
  }
  const hint =
    error?.instancePath === '/control_plane/url'
      ? 'Write it as https://HOST:PORT.'
      : 'docs/configuration.md shows its form.'
  return configInvalid(file, path, error === undefined ? 'it is not valid' : `it ${inWords(error)}`, hint)
}

/** `/policy/roots/0` → `policy.roots[0]` */
function pathOf(pointer: string): string {
  return pointer
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
}
