import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import type { DaemonPort } from '../../src/demo/mail-host/daemon.ts'

/** SHA-256 of the leaf that openssl(1) sees on a port: a second opinion. Null: it saw none. */
export async function servedLeaf({
  port,
  protocol,
  servername,
}: Pick<DaemonPort, 'port' | 'protocol'> & { readonly servername?: string }): Promise<string | null> {
  const starttls = protocol === 'tls' ? [] : ['-starttls', protocol]
  const name = servername === undefined ? [] : ['-servername', servername]
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...starttls, ...name], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  for await (const chunk of child.stdout) output += String(chunk)
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(output)?.[0]
  return pem === undefined ? null : new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}
