import { readBounded } from '../host/file/read-bounded.ts'
import { configInvalid, parseYaml } from './parse-yaml.ts'
import { requireOurs } from './require-ours.ts'

const maxBytes = 1024 * 1024

/** What a configuration file says; `{}` where it is empty, or missing and not required. CONFIG_INVALID: it cannot be read, or others may write it. */
export async function readOwnYaml(file: string, isRequired: boolean): Promise<unknown> {
  const bytes = await readBounded(file, maxBytes).catch((error: Error) => {
    throw configInvalid(file, '', error.message, 'Make the file readable, or name another with --config.')
  })
  if (bytes === null) {
    if (!isRequired) return {}
    throw configInvalid(file, '', 'there is no such file', 'Name a file that exists with --config.')
  }
  await requireOurs(file)
  return parseYaml(file, Buffer.from(bytes).toString('utf8')) ?? {}
}
