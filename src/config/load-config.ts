import { dirname, join, resolve } from 'node:path'
import { schemaCheck } from '../schema/schema-check.ts'
import type { Config } from './config.ts'
import { configSchema } from './config-schema.ts'
import { describeInvalid } from './describe-invalid.ts'
import { readHostTargets } from './host-targets.ts'
import { readOrderPolicy } from './order-policy.ts'
import { readOwnYaml } from './read-own-yaml.ts'
import { resolveConfig, type WrittenConfig } from './resolve-config.ts'

/** The environment as `main.ts` hands it on. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where the configuration is when nobody says otherwise. */
export const defaultConfigFile = '/etc/waxseal/waxseal.yaml'

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
    const written = (await readOwnYaml(path, true)) as WrittenConfig
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
  const value = await readOwnYaml(file, isRequired)
  if (validate(value)) return value
  throw describeInvalid({ file, path: '', page: 'docs/configuration.md' }, validate.errors?.[0])
}
