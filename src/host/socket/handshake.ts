import { createHash } from 'node:crypto'
import { duplexPair } from 'node:stream'
import { connect, TLSSocket } from 'node:tls'
import { contextOf, servedCertificates, withoutNameCheck } from './served-certificates.ts'

const timeoutMs = 5000

/** A TLS handshake with this pair, in process, over memory. Resolves with the SHA-256 of the leaf that the client saw. */
export async function handshakeWith(pair: {
  readonly certificatePem: string
  readonly keyPem: string
}): Promise<string> {
  const [serverSide, clientSide] = duplexPair()
  const server = new TLSSocket(serverSide, { isServer: true, cert: pair.certificatePem, key: pair.keyPem })
  const client = connect({ socket: clientSide, rejectUnauthorized: false, secureContext: contextOf(null) })
  withoutNameCheck(client)
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the handshake took too long')), timeoutMs)
      timer.unref()
      server.once('error', reject)
      client.once('error', reject)
      client.once('secureConnect', () => {
        clearTimeout(timer)
        const [leaf = new Uint8Array()] = servedCertificates(client)
        resolve(createHash('sha256').update(leaf).digest('hex'))
      })
    })
  } finally {
    client.destroy()
    server.destroy()
  }
}
