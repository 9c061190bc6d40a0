import { createHash, type X509Certificate } from 'node:crypto'

/** The part of a TLS socket that its peer is read from. */
interface Peer {
  getPeerX509Certificate(): X509Certificate | undefined
}

/** It is another one for no connection: TLS 1.3 servers here ask once. */
const known = new WeakMap<object, string | null>()

/**
 * SHA-256 (hex) of the certificate whose key the other end of this connection has proven to have; null: it showed none. Who signed it is
 * not looked at, and a session that is resumed says what was proven when it began: whether it is good today is the caller's to look up.
 */
export function peerFingerprint(socket: object): string | null {
  const before = known.get(socket)
  if (before !== undefined) return before
  const certificate = isPeer(socket) ? socket.getPeerX509Certificate() : undefined
  const fingerprint = certificate === undefined ? null : createHash('sha256').update(certificate.raw).digest('hex')
  known.set(socket, fingerprint)
  return fingerprint
}

function isPeer(socket: object): socket is Peer {
  return 'getPeerX509Certificate' in socket
}
