import { describeInvalid } from '../../config/describe-invalid.ts'
import { configInvalid } from '../../config/parse-yaml.ts'
import type { WaxsealError } from '../../error/waxseal-error.ts'
import { ownPath } from '../../host/file/link/own-path.ts'
import { readSecret } from '../../host/file/read-secret.ts'
import { parseDuration } from '../../plan/duration.ts'
import type { SchemaCheck } from '../../schema/schema-check.ts'

const page = 'docs/server-configuration.md'

/** A part of the configuration file, to which errors refer. */
export interface Section {
  readonly file: string
  /** `issuers.example`. */
  readonly path: string
}

/** The value, if its schema takes it. CONFIG_INVALID names the setting. */
export function checked<T>(section: Section, check: SchemaCheck<T>, value: unknown): T {
  if (check(value)) return value
  throw describeInvalid({ ...section, page }, check.errors?.[0])
}

/** The part below this one: `name`, or `[0]`. */
export function below({ file, path }: Section, name: string): Section {
  return { file, path: path === '' || name.startsWith('[') ? `${path}${name}` : `${path}.${name}` }
}

/** CONFIG_INVALID about this part. */
export function refused({ file, path }: Section, reason: string, hint = `${page} shows its form.`): WaxsealError {
  return configInvalid(file, path, reason, hint)
}

/** Milliseconds of what is written, from 1 to `most`. */
export function durationIn(section: Section, value: string | number, most: number): number {
  let ms: number
  try {
    ms = parseDuration(value)
  } catch (error) {
    throw refused(section, (error as Error).message, 'For example: 120s.')
  }
  if (ms > most) throw refused(section, `it is longer than ${most / 60_000}m`, 'Write a shorter one.')
  if (ms < 1) throw refused(section, 'it is shorter than 1ms; a bare number is nanoseconds', 'For example: 120s.')
  return Math.round(ms)
}

/** CONFIG_INVALID: the file is not there, or somebody else than root, or the user of this process, could change it. */
export async function requireOwnFile(section: Section, path: string): Promise<void> {
  await ownPath(path).catch((error: Error) => {
    throw refused(section, error.message, 'Name a readable file that root alone may write.')
  })
}

/** The same of a secret, which besides not everybody may read. `mayLack`: one that is not there is made later. */
export async function requireSecret(section: Section, path: string, mayLack = false): Promise<void> {
  const hint = 'Make it a file of root, which the user of the control plane can read by its group: mode 0640.'
  const secret = await readSecret(path).catch((error: Error) => {
    throw refused(section, error.message, hint)
  })
  if (secret === null && !mayLack) throw refused(section, `there is no file ${path}`, hint)
}
