import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { Test } from 'tap'
import type { Listener } from '../../../src/connector/wiring/wiring.ts'
import { seenBy } from '../connector/wired-host.ts'

/** What a listener shows for a name, `993 tls`, beside what is in the file that the wiring names; SHA-256 of the leaf. */
export interface Sight {
  readonly at: string
  readonly name: string | null
  readonly file: string
  readonly served: string | null
}

/** What openssl(1) is shown by a listener. `real` is the port that its own stands for. */
export async function sightsOf(t: Test, listener: Listener, real: (port: number) => string): Promise<readonly Sight[]> {
  const { port, protocol, servername, files, proxy } = listener
  const socket = proxy === undefined ? listener : { ...listener, ...(await relayTo(t, listener)) }
  const name = servername?.replace(/^\*/, 'any') ?? null
  const seen = files.map(async ({ path, role }): Promise<readonly Sight[]> => {
    const leaf = role === 'key' ? null : leafIn(await readFile(path, 'utf8'))
    if (leaf === null) return []
    const keyType = leaf.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa'
    const file = leaf.fingerprint256.replaceAll(':', '').toLowerCase()
    return [{ at: `${real(port)} ${protocol}`, name, file, served: await seenBy(socket, name, keyType) }]
  })
  return (await Promise.all(seen)).flat()
}

/** Null: there is none, or it is a CA: the chain in a file of its own. */
function leafIn(text: string): X509Certificate | null {
  if (!text.includes('BEGIN CERTIFICATE')) return null
  const certificate = new X509Certificate(text)
  return certificate.ca ? null : certificate
}

/** s_client(1) knows no PROXY header: this writes one before what it says. */
async function relayTo(t: Test, { host, port }: Listener): Promise<{ readonly host: string; readonly port: number }> {
  const relay = createServer((client) => {
    const server = connect(port, host)
    server.write('PROXY TCP4 127.0.0.1 127.0.0.1 40000 25\r\n')
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => relay.close(resolve)))
  const address = relay.address()
  return { host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 }
}
