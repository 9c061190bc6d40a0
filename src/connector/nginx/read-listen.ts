import { ipv6Address } from '../wiring/sockets.ts'

/** A `listen` of nginx. */
export interface Listen {
  /** As a socket's, but for `all`, which a word of another `listen` may make of `::`; the path of a Unix socket. */
  readonly address: string
  /** 0 with a Unix socket. */
  readonly port: number
  readonly words: readonly string[]
}

const mostPorts = 256

/** `443`, `*:443`, `[::]:443`, `host`, `unix:/path`, `8000-8010`. UDP, and with it QUIC, is another socket: none. */
export function readListen([where = '', ...words]: readonly string[]): readonly Listen[] {
  if (words.includes('udp') || words.includes('quic')) return []
  if (where.startsWith('unix:')) return [{ address: where.slice('unix:'.length), port: 0, words }]
  const match = /^(?:(\[[^\]]+\]|[^:]+):)?(\d+)(?:-(\d+))?$/.exec(where)
  const [, host = match === null ? where : '*', first = '80', last = first] = match ?? []
  const count = Math.min(Number(last) - Number(first) + 1, mostPorts)
  const address = addressOf(host)
  return Array.from({ length: Math.max(count, 0) }, (_, index) => ({ address, port: Number(first) + index, words }))
}

function addressOf(host: string): string {
  if (host === '*' || host === '0.0.0.0') return '*'
  return host.startsWith('[') ? (ipv6Address(host.slice(1, -1)) ?? host) : host.toLowerCase()
}
