import type { ErrorObject } from 'ajv'
import { nearest } from '../error/nearest.ts'
import type { WaxsealError } from '../error/waxseal-error.ts'
import { inWords } from '../schema/in-words.ts'
import { configInvalid } from './parse-yaml.ts'

/** Where in which file a value stands that a schema refuses. */
export interface Place {
  readonly file: string
  /** The setting that the schema describes: `issuers.example`; empty: the whole file. */
  readonly path: string
  /** The page that lists the settings of the file. */
  readonly page: string
}

/** CONFIG_INVALID for what a schema refuses: the setting, and the one that is meant where an unknown one is near to it. */
export function describeInvalid({ file, path, page }: Place, error: ErrorObject | undefined): WaxsealError {
  const inner = pathOf(error?.instancePath ?? '')
  const place = inner === '' || path === '' || inner.startsWith('[') ? `${path}${inner}` : `${path}.${inner}`
  const unknown = error?.params['additionalProperty'] as string | undefined
  if (unknown !== undefined) {
    const meant = nearest(unknown, Object.keys((error?.parentSchema?.['properties'] as object | undefined) ?? {}))
    const hint = meant === null ? `${page} lists every setting.` : `Is ${meant} meant?`
    return configInvalid(file, place === '' ? unknown : `${place}.${unknown}`, 'no such setting is known', hint)
  }
  const hint = error?.params['pattern'] === '^https://' ? 'Write it as https://HOST:PORT.' : `${page} shows its form.`
  return configInvalid(file, place, error === undefined ? 'it is not valid' : `it ${inWords(error)}`, hint)
}

/** `/policy/roots/0` → `policy.roots[0]` */
function pathOf(pointer: string): string {
  return pointer
    .slice(1)
    .replaceAll(/(^|\/)(\d+)(?=\/|$)/g, '[$2]')
    .replaceAll('/', '.')
}
