import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePorts, writeText } from '../../src/host/file/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'

/** A private ACME server that believes every challenge. */
export interface Pebble {
  /** Its directory, `https://…/dir`. */
  readonly url: string
  /** PEM of the CA that its own certificate is from. */
  readonly caFile: string
  stop(): Promise<void>
}

/** Starts Let's Encrypt's pebble on a port of its own, with its files below `dir`. */
export async function startPebble(dir: string): Promise<Pebble> {
  const authority = await makeAuthority('pebble of a test')
  const pair = await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
  const [acme = 0, management = 0, http = 0, tls = 0] = await freePorts(4)
  const at = (name: string): string => join(dir, `pebble-${name}`)
  await writeText(at('ca.pem'), authority.certificatePem)
  await writeText(at('cert.pem'), pair.certificatePem)
  await writeText(at('key.pem'), pair.keyPem, 0o600)
  const pebble = {
    listenAddress: `127.0.0.1:${acme}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: at('cert.pem'),
    privateKey: at('key.pem'),
    httpPort: http,
    tlsPort: tls,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  }
  await writeText(at('config.json'), JSON.stringify({ pebble }))
  const child = spawn('pebble', ['-config', at('config.json')], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, PEBBLE_VA_ALWAYS_VALID: '1', PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  await Promise.race([
    new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        if (line.includes('ACME directory available at')) resolve()
      })
    }),
    exited.then(() => Promise.reject(new Error('pebble ended before it listened'))),
  ])
  return {
    url: `https://localhost:${acme}/dir`,
    caFile: at('ca.pem'),
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
