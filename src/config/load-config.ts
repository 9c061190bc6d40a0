import type { ErrorObject } from 'ajv'
import { LineCounter, parseDocument } from 'yaml'
import { nearest } from '../error/nearest.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { readBounded } from '../host/read-bounded.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import type { Config } from './config.ts'
import { configSchema } from './config-schema.ts'
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
  return resolveConfig(written, source.env, file)
}

async function readWritten(file: string, isRequired: boolean): Promise<WrittenConfig> {
  const bytes = await readBounded(file, maxBytes).catch((error: Error) => {
    throw configInvalid(file, '', error.message, 'Make the file readable, or name another with --config.')
  })
  if (bytes === null) {
    if (!isRequired) return {}
    throw configInvalid(file, '', 'there is no such file', 'Name a file that exists with --config.')
  }
  const value = parseYaml(file, Buffer.from(bytes).toString('utf8')) ?? {}
  if (validate(value)) return value
  throw describeInvalid(file, validate.errors?.[0])
}

function parseYaml(file: string, text: string): unknown {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true })
  const [error] = document.errors
  if (error === undefined) return expandAliases(file, document)
  const { line, col } = lineCounter.linePos(error.pos[0])
  throw configInvalid(file, `line ${line}, column ${col}`, error.message, 'Mend the YAML at this place.')
}

/** Aliases are followed only a few times: nested ones can stand for gigabytes. */
function expandAliases(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 10 })
  } catch (error) {
    throw configInvalid(file, '', (error as Error).message, 'Write the values out in place of YAML aliases.')
  }
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
  return configInvalid(file, path, error?.message ?? 'it is not valid', hint)
}

/** `/policy/roots/0` → `policy.roots[0]` */
function pathOf(pointer: string): string {
  return pointer
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
}

function configInvalid(file: string, path: string, reason: string, hint: string): WaxsealError {
  return new WaxsealError('CONFIG_INVALID', { file, path, reason, hint })
}
