import { X509Certificate } from 'node:crypto'
import { buildConnector } from 'undici'

/** The part of a TLS socket that Node reads a server's name from. */
interface NamedPeer {
  getPeerX509Certificate(): X509Certificate | undefined
  getPeerCertificate: () => object
}

/**
 * undici's connector for these options. Node compares the server's name with what `getPeerCertificate()` returns, and that
 * ends the process (SIGSEGV, Node 24.21) on an EC key whose curve has no NIST name, be it the leaf's or an issuer's: the
 * names are taken from the certificate itself instead. The certificate is verified whatever the environment says
 * (`NODE_TLS_REJECT_UNAUTHORIZED`).
 */
export function connectTls(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector({ ...options, rejectUnauthorized: true })
  return (target, callback) => {
    const socket: unknown = connect(target, callback)
    if (hasPeer(socket)) socket.getPeerCertificate = () => namesOf(socket.getPeerX509Certificate())
  }
}

function hasPeer(socket: unknown): socket is NamedPeer {
  return typeof socket === 'object' && socket !== null && 'getPeerX509Certificate' in socket
}

/** What `tls.checkServerIdentity` reads. */
function namesOf(leaf: X509Certificate | undefined): object {
  const commonName = /^CN=(.+)$/m.exec(leaf?.subject ?? '')?.[1]
  const subject = commonName === undefined ? {} : { CN: commonName }
  return leaf?.subjectAltName === undefined ? { subject } : { subject, subjectaltname: leaf.subjectAltName }
}
