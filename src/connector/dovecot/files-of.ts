import type { WiredFile } from '../wiring/wiring.ts'

/** Material as a setting names it. */
export interface NamedMaterial {
  readonly files: readonly WiredFile[]
  /** Why a certificate is in no file that can be told; null: each is in one. */
  readonly doubt: string | null
  /** Whether all files are in `files`. */
  readonly isTold: boolean
}

/** 2.3 writes `</path`, 2.4 a plain path under another name. */
const pairs = [
  ['ssl_cert', 'ssl_key'],
  ['ssl_alt_cert', 'ssl_alt_key'],
  ['ssl_server_cert_file', 'ssl_server_key_file'],
  ['ssl_server_alt_cert_file', 'ssl_server_alt_key_file'],
] as const

/** The settings that decide what a connection is served. */
export const tlsSettings: readonly string[] = ['ssl', ...pairs.flat()]

/** The material of a connection; `absolute` turns a path of the settings into an absolute one, null where it cannot be told. */
export function materialOf(
  values: ReadonlyMap<string, string>,
  absolute: (path: string) => string | null,
): NamedMaterial {
  const named = pairs.flatMap(([certificate, key]) => [
    { name: certificate, role: 'certificate' as const, path: pathOf(values.get(certificate)) },
    { name: key, role: 'key' as const, path: pathOf(values.get(key)) },
  ])
  const inline = named.find(({ role, path }) => role === 'certificate' && path === null)
  const untold = named.find(({ path }) => path !== null && path !== '' && absolute(path) === null)
  const isTold = untold === undefined
  const files = named.flatMap(({ role, path }) => {
    const found = path === null || path === '' ? null : absolute(path)
    return found === null ? [] : [{ path: found, role }]
  })
  if (inline !== undefined)
    return {
      files,
      isTold,
      doubt: `The certificate itself stands in the setting ${inline.name}: no file can renew it.`,
    }
  if (untold !== undefined)
    return {
      files,
      isTold,
      doubt: `Where ${untold.path ?? ''} is cannot be told: ${untold.name} needs an absolute path.`,
    }
  return { files, isTold, doubt: null }
}

/** Every path that is not absolute in these values. */
export function relativePathsIn(values: ReadonlyMap<string, string>): readonly string[] {
  return pairs
    .flat()
    .map((name) => pathOf(values.get(name)))
    .filter((path): path is string => path !== null && path !== '' && !path.startsWith('/'))
}

/** Null: the value is the material itself. */
function pathOf(value = ''): string | null {
  if (/^inline:|-----BEGIN /.test(value)) return null
  return value.replace(/^</, '').trim()
}
