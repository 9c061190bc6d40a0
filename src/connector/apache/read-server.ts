import type { ApacheDump, ApacheServer } from './parse-dump.ts'

/** What one server of Apache says of TLS. */
export interface Server {
  readonly addresses: readonly string[] | null
  /** Null: it says nothing. */
  readonly isTls: boolean | null
  readonly wantsHeader: boolean
  /** Networks whose hosts send no PROXY header all the same, as they are written. */
  readonly exceptions: readonly string[]
  /** Lower-case; patterns with `*` and `?` as they are written. */
  readonly names: readonly string[]
  readonly patterns: readonly RegExp[]
  /** Absolute; null: no file (`pkcs11:`). */
  readonly certificates: readonly (string | null)[]
  readonly keys: readonly (string | null)[]
  /** Chains, and the pairs that it shows to other servers. */
  readonly named: readonly string[]
}

/** A server by its own directives alone: what it inherits is not in it. */
export function readServer({ addresses, directives }: ApacheServer, { root }: Pick<ApacheDump, 'root'>): Server {
  const valuesOf = (name: string): readonly string[] =>
    directives.flatMap((directive) => (directive.name === name ? directive.args.slice(0, 1) : []))
  const filesOf = (name: string): readonly (string | null)[] => valuesOf(name).map((value) => absolute(value, root))
  const engine = valuesOf('sslengine').at(-1)?.toLowerCase()
  const name = valuesOf('servername')
    .at(-1)
    ?.replace(/^\w+:\/\//, '')
    .replace(/:\d+$/, '')
  const allOf = (wanted: string): readonly string[] =>
    directives.flatMap((directive) => (directive.name === wanted ? directive.args : []))
  const names = [...(name === undefined ? [] : [name]), ...allOf('serveralias')].map((one) => one.toLowerCase())
  return {
    addresses,
    // `optional` is TLS by an HTTP upgrade, of old versions.
    isTls: engine === undefined ? null : engine === 'on',
    wantsHeader: valuesOf('remoteipproxyprotocol').at(-1)?.toLowerCase() === 'on',
    exceptions: allOf('remoteipproxyprotocolexceptions'),
    names,
    patterns: names.map(patternOf),
    certificates: filesOf('sslcertificatefile'),
    keys: filesOf('sslcertificatekeyfile'),
    named: [
      'sslcertificatefile',
      'sslcertificatekeyfile',
      'sslcertificatechainfile',
      'sslproxymachinecertificatefile',
    ].flatMap((directive) => filesOf(directive).filter((path) => path !== null)),
  }
}

/** A path as Apache takes it; null: no file. */
export function absolute(path: string, root: string): string | null {
  if (/^\w{3,}:/.test(path)) return null
  return path.startsWith('/') ? path : `${root}/${path}`
}

function patternOf(name: string): RegExp {
  return new RegExp(
    `^${name
      .replaceAll(/[^\w*?]/g, '\\$&')
      .replaceAll('?', '.')
      .replaceAll(/\*+/g, '.*')}$`,
    's',
  )
}
