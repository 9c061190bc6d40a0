import type { Certificate } from '../../material/material.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import type { HostView } from '../host-view.ts'
import type { WiredFile } from '../wiring/wiring.ts'

/** A certificate that HAProxy loads. */
export interface LoadedPem {
  readonly files: readonly WiredFile[]
  /** Its certificate's names, lower-case; where its line has filters, those that they let in, and none where they only leave out. */
  readonly names: readonly string[]
  /** Names that the filters of its line leave out. */
  readonly except: readonly string[]
  readonly keyType: string
}

/** What will be in one file once the deployment that is planned is done. */
export interface Replaced {
  readonly path: string
  readonly leaf: Certificate
}

/** Reads files of one configuration, and counts them. */
export interface PemReader {
  readonly host: HostView
  /** `crt-base`; null: relative paths are those of a working directory that is not known. */
  readonly base: string | null
  readonly replaced: Replaced | null
  readonly doubts: Set<string>
  readonly left: { files: number }
}

/** HAProxy tells the pairs of one bundle by these ends, and takes them in this order. */
const bundled = ['.dsa', '.ecdsa', '.rsa'] as const
/** What lies beside a PEM file and is none. */
const beside = /\.(key|issuer|ocsp|sctl)$/

/** `crt`: a file, else the pairs of a bundle; of a folder each file by itself, by name, and nothing of the folders in it. */
export async function readCrt(crt: string, reader: PemReader): Promise<readonly LoadedPem[]> {
  const path = absolute(crt, reader)
  if (path === null) return []
  const names = await reader.host.list(path)
  if (names === null) return readBundle(path, reader)
  const read: LoadedPem[] = []
  for (const name of names.filter((one) => !one.startsWith('.') && !beside.test(one))) {
    const file = `${path.replace(/\/+$/, '')}/${name}`
    if ((await reader.host.list(file)) === null) read.push(...(await readPem(file, reader)))
  }
  return read
}

/** `crt-list`: a file a line, with options in brackets and the names that it is for. */
export async function readCrtList(path: string, reader: PemReader): Promise<readonly LoadedPem[]> {
  const bytes = path.startsWith('/') ? await reader.host.readFile(path).catch(() => null) : null
  if (bytes === null) {
    reader.doubts.add('A crt-list of HAProxy cannot be read.')
    return []
  }
  const read: LoadedPem[] = []
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    const [, crt, filters = ''] = /^\s*([^\s#[]\S*)\s*(?:\[[^\]]*\])?\s*([^#]*)/.exec(line) ?? []
    if (crt === undefined) continue
    const words = filters
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '')
    const names = words.filter((word) => !word.startsWith('!'))
    const except = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1))
    const pems = await readCrt(crt, reader)
    read.push(...pems.map((pem) => ({ ...pem, except, names: words.length === 0 ? pem.names : names })))
  }
  return read
}

function absolute(path: string, { base, doubts }: PemReader): string | null {
  if (path.startsWith('/') && !path.includes('\0')) return path
  if (base === null || path.includes('\0') || path.startsWith('@')) {
    doubts.add('HAProxy is told a path of a certificate by its environment, its working directory, or a store.')
    return null
  }
  return `${base}/${path}`
}

async function readBundle(path: string, reader: PemReader): Promise<readonly LoadedPem[]> {
  const { host } = reader
  if (await host.exists(path)) return readPem(path, reader)
  const pairs: LoadedPem[] = []
  for (const end of bundled) if (await host.exists(path + end)) pairs.push(...(await readPem(path + end, reader)))
  return pairs
}

/** The key is in the file itself or beside it; `site.key` beside `site.crt` with `ssl-load-extra-del-ext`. */
async function readPem(path: string, { host, replaced, doubts, left }: PemReader): Promise<readonly LoadedPem[]> {
  left.files -= 1
  if (left.files < 0) {
    doubts.add('HAProxy loads more certificates than are looked at.')
    return []
  }
  const bytes = await host.readFile(path).catch(() => null)
  if (bytes === null) doubts.add('A certificate of HAProxy cannot be read, and with it the names that it answers to.')
  const text = new TextDecoder('latin1').decode(bytes ?? new Uint8Array())
  const keys = [`${path}.key`, path.replace(/\.crt$/, '.key')]
  const inside = text.includes('PRIVATE KEY-----')
  const there = inside ? [] : await Promise.all(keys.map((key) => host.exists(key)))
  const key = keys[there.indexOf(true)]
  const files: readonly WiredFile[] =
    key === undefined
      ? [{ path, role: 'bundle' }]
      : [
          { path, role: 'certificate' },
          { path: key, role: 'key' },
        ]
  const live = leafIn(text)
  const isReplaced = replaced !== null && (await host.identity(path)) === (await host.identity(replaced.path))
  const names = isReplaced ? namesThrough(live, replaced.leaf) : namesOf(live)
  return [{ files, names, except: [], keyType: (isReplaced ? replaced.leaf : live)?.keyType ?? 'other' }]
}

function leafIn(text: string): Certificate | null {
  try {
    return parseCertificates(text)[0] ?? null
  } catch {
    return null
  }
}

/** HAProxy takes the common name besides. */
function namesOf(leaf: Certificate | null): readonly string[] {
  if (leaf === null) return []
  const commonName = /(?:^|[,\n]\s*)CN=([^,\n]+)/.exec(leaf.subject)?.[1]
  return [
    ...new Set([...leaf.names, ...(commonName === undefined ? [] : [commonName])].map((name) => name.toLowerCase())),
  ]
}

/** Before the switch and after it, and after a way back: only names of both lead to the file at each moment. */
function namesThrough(live: Certificate | null, next: Certificate): readonly string[] {
  const names = namesOf(next)
  const both = namesOf(live).filter((name) => names.includes(name))
  return both.length > 0 ? both : names
}
