import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import type { AcmeOrder } from '../../src/acme/answers.ts'
import type { AcmeClient } from '../../src/acme/open-acme.ts'
import { freePorts, writeText } from '../../src/host/file/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'

/** A private ACME server. */
export interface Pebble {
  /** Its directory, `https://…/dir`. */
  readonly url: string
  /** PEM of the CA that its own certificate is from. */
  readonly caFile: string
  /** What it says of a certificate of its own, by the serial (hex): `Valid`, `Revoked`. */
  statusOf(serial: string): Promise<string>
  /** PEM of the root of what it signs. */
  root(): Promise<string>
  stop(): Promise<void>
}

/** What it is to be like. */
export interface PebbleOptions {
  /** Left out: the one on PATH. */
  readonly program?: string
  /** The resolver (`127.0.0.1:53`) by which it looks for the answers to challenges; left out: it believes every challenge. */
  readonly resolver?: string
  /** Where it looks for the answers of http-01; left out: where nobody answers. */
  readonly httpPort?: number
  /** How many of a hundred good nonces it refuses; default none. */
  readonly refusedNonces?: number
  /** Accounts that it gave before, `kid` to HMAC key. */
  readonly externalAccounts?: Readonly<Record<string, string>>
  /** The life of its certificates; left out: years. */
  readonly validityS?: number
}

/** Starts Let's Encrypt's pebble on a port of its own, with its files below `dir`. */
export async function startPebble(dir: string, options: PebbleOptions = {}): Promise<Pebble> {
  const { resolver, refusedNonces = 0, externalAccounts, validityS } = options
  const authority = await makeAuthority('pebble of a test')
  const pair = await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
  const [acme = 0, managementPort = 0, http = 0, tls = 0] = await freePorts(4)
  const at = (name: string): string => join(dir, `pebble-${name}`)
  await writeText(at('ca.pem'), authority.certificatePem)
  await writeText(at('cert.pem'), pair.certificatePem)
  await writeText(at('key.pem'), pair.keyPem, 0o600)
  const pebble = {
    listenAddress: `127.0.0.1:${acme}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: at('cert.pem'),
    privateKey: at('key.pem'),
    httpPort: options.httpPort ?? http,
    tlsPort: tls,
    ocspResponderURL: '',
    externalAccountBindingRequired: externalAccounts !== undefined,
    ...(externalAccounts === undefined ? {} : { externalAccountMACKeys: externalAccounts }),
    ...(validityS === undefined ? {} : { certificateValidityPeriod: validityS }),
  }
  await writeText(at('config.json'), JSON.stringify({ pebble }))
  const args = ['-config', at('config.json'), ...(resolver === undefined ? [] : ['-dnsserver', resolver])]
  const child = spawn(options.program ?? 'pebble', args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: String(refusedNonces),
      ...(resolver === undefined ? { PEBBLE_VA_ALWAYS_VALID: '1' } : {}),
    },
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
  const managed = async (path: string): Promise<string> => {
    const asked = get({ host: '127.0.0.1', port: managementPort, path, ca: authority.certificatePem })
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    return text(answer)
  }
  return {
    url: `https://localhost:${acme}/dir`,
    caFile: at('ca.pem'),
    statusOf: async (serial) => {
      const status = await managed(`/cert-status-by-serial/${serial}`)
      return /"Status": ?"(\w+)"/.exec(status)?.[1] ?? status
    },
    root: () => managed('/roots/0'),
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** An order that has come to this status, or is invalid: pebble looks and signs behind its answers. */
export async function settledOrder(client: AcmeClient, url: string, status: AcmeOrder['status']): Promise<AcmeOrder> {
  for (;;) {
    const order = await client.order(url)
    if (order.status === status || order.status === 'invalid') return order
    await setTimeout(20)
  }
}
