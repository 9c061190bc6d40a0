import { readOwnYaml } from '../../config/read-own-yaml.ts'
import { schemaCheck } from '../../schema/schema-check.ts'
import { readDns, readResolvers } from './dns-section.ts'
import { readIssuers } from './issuer-section.ts'
import { readNotify } from './notify-section.ts'
import { checked } from './section.ts'
import type { ServerConfig } from './server-config.ts'
import { readVersions } from './versions-section.ts'

/** Where the configuration of the control plane is when nobody says otherwise. */
export const defaultServerConfigFile = '/etc/waxseal/control-plane.yaml'

/** JSON schema of the file's first level; each section has a schema of its own. */
export const serverConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { dns: {}, resolvers: {}, issuers: {}, issuer_order: {}, notify: {}, versions: {} },
} as const

const check =
  schemaCheck<Readonly<Partial<Record<keyof typeof serverConfigSchema.properties, unknown>>>>(serverConfigSchema)

/**
 * Reads, checks and completes the configuration of the control plane. CONFIG_INVALID names file, setting, reason and way out.
 * `null`: the default file, which may be missing.
 */
export async function loadServerConfig(named: string | null): Promise<ServerConfig> {
  const file = named ?? defaultServerConfigFile
  const written = checked({ file, path: '' }, check, await readOwnYaml(file, named !== null))
  return freeze({
    dns: await readDns({ file, path: 'dns' }, written.dns),
    resolvers: readResolvers({ file, path: 'resolvers' }, written.resolvers),
    issuers: await readIssuers(file, written.issuers, written.issuer_order),
    notify: await readNotify({ file, path: 'notify' }, written.notify),
    versions: readVersions({ file, path: 'versions' }, written.versions),
  })
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner)
  return Object.freeze(value)
}
