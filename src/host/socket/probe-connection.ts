import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { KeyType, ProxyVersion } from '../../plan/plan.ts'
import { proxyHeader } from './proxy-header.ts'
import { contextOf, servedCertificates, withoutNameCheck } from './served-certificates.ts'

/** What a TLS server showed. */
export interface ServedTls {
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[]
  /** `TLSv1.3`. */
  readonly version: string
  /** Why the roots that were given do not vouch for the chain, in OpenSSL's word; null: they do, or none were given. */
  readonly distrust: string | null
}

export interface TlsRequest {
  readonly servername: string | null
  readonly keyType: KeyType | null
  /** PEM; left out: nobody asks whether the chain is trusted. */
  readonly roots?: readonly string[]
}

/** One connection of a probe: lines first, TLS after. Every read is bounded in size. */
export interface ProbeConnection {
  /** The next line without its line end. Rejects when the server ends, or says too much. */
  readLine(): Promise<string>
  write(text: string): void
  /** The handshake; the certificate is shown, not judged: the caller compares the leaf. */
  startTls(request: TlsRequest): Promise<ServedTls>
  close(): void
}

const lineLimit = 4096
const totalLimit = 64 * 1024

/**
 * Connects to a TCP port, or to a Unix socket where the host is a path; the signal ends the connection at any later time, too.
 * The PROXY header, where one is wanted, goes before all else.
 */
export async function openConnection(
  { host, port, proxy }: { readonly host: string; readonly port: number; readonly proxy?: ProxyVersion },
  signal: AbortSignal,
): Promise<ProbeConnection> {
  const socket = connect(host.startsWith('/') ? { path: host } : { host, port })
  const onAbort = (): void => {
    socket.destroy(new Error('the time limit passed'))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  socket.once('close', () => signal.removeEventListener('abort', onAbort))
  if (signal.aborted) onAbort()
  await eventOf(socket, 'connect')
  if (proxy !== undefined) socket.write(proxyHeader(proxy, endsOf(socket)))
  return new SocketConnection(socket)
}

/** Null: a Unix socket. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): Parameters<typeof proxyHeader>[1] {
  if (localAddress === undefined || remoteAddress === undefined) return null
  return {
    source: { address: localAddress, port: localPort ?? 0 },
    destination: { address: remoteAddress, port: remotePort ?? 0 },
  }
}

class SocketConnection implements ProbeConnection {
  readonly #socket: Socket
  #buffer = Buffer.alloc(0)
  #total = 0
  #ended: Error | null = null
  #wake: () => void = () => {}
  #tls: TLSSocket | null = null

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('the server closed the connection')))
  }

  async readLine(): Promise<string> {
    this.#socket.on('data', this.#onData)
    this.#socket.resume()
    try {
      for (;;) {
        const end = this.#buffer.indexOf(0x0a)
        if (end > lineLimit || (end < 0 && this.#buffer.length > lineLimit))
          throw new Error('the server sent an endless line')
        if (end >= 0) return this.#take(end)
        if (this.#ended !== null) throw this.#ended
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      this.#socket.pause()
      this.#socket.off('data', this.#onData)
    }
  }

  write(text: string): void {
    this.#socket.write(text)
  }

  /** What arrived in the clear before the handshake may come from somebody else (RFC 3207 §6, CVE-2011-0411). */
  async startTls({ servername, keyType, roots }: TlsRequest): Promise<ServedTls> {
    if (this.#buffer.length > 0) throw new Error('the server sent plaintext after it had agreed to TLS')
    const tls = connectTls({
      socket: this.#socket,
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      secureContext: contextOf(keyType === null ? null : signatureAlgorithms[keyType], roots),
      ...(servername === null ? {} : { servername }),
    })
    // A record that cannot be read may be right behind the handshake: what the server sends after the leaf is no error of ours.
    tls.on('error', () => {})
    withoutNameCheck(tls)
    this.#tls = tls
    await eventOf(tls, 'secureConnect')
    const certificates = servedCertificates(tls)
    if (certificates.length === 0) throw new Error('the server showed no certificate')
    const distrust = roots === undefined || tls.authorized ? null : String(tls.authorizationError ?? 'UNKNOWN')
    return { certificates, version: tls.getProtocol() ?? 'unknown', distrust }
  }

  close(): void {
    this.#tls?.destroy()
    this.#socket.destroy()
  }

  #take(end: number): string {
    const line = this.#buffer.subarray(0, end).toString('latin1')
    this.#buffer = this.#buffer.subarray(end + 1)
    return line.endsWith('\r') ? line.slice(0, -1) : line
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#total += chunk.length
    if (this.#total > totalLimit) this.#socket.destroy(new Error('the server sent too much before TLS'))
    else this.#buffer = Buffer.concat([this.#buffer, chunk])
    this.#wake()
  }

  #end(error: Error): void {
    this.#ended ??= error
    this.#wake()
  }
}

const signatureAlgorithms = {
  rsa: 'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384',
  'rsa-pss': 'rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512',
  ecdsa: 'ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512',
  ed25519: 'ed25519',
  ed448: 'ed448',
} as const satisfies Readonly<Record<KeyType, string>>

function eventOf(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the server closed the connection'))
    socket.once('error', reject)
    socket.once('close', onClose)
    socket.once(event, () => {
      socket.off('error', reject)
      socket.off('close', onClose)
      resolve()
    })
  })
}
