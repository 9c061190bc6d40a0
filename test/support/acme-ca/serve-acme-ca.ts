import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { makeAuthority } from '../certificates.ts'
import { type AcmeCa, type AcmeCaOptions, openAcmeCa } from './acme-ca.ts'

/** A test's ACME CA behind real HTTPS. */
export interface ServedAcmeCa extends AcmeCa {
  /** `https://ADDRESS:PORT/directory` */
  readonly directoryUrl: string
  /** PEM: who has signed the certificate of its HTTPS. */
  readonly httpsCaPem: string
  close(): Promise<void>
}

/** Starts one on a free port of loopback, or of another address of this machine. */
export async function serveAcmeCa(options: AcmeCaOptions = {}, address = '127.0.0.1'): Promise<ServedAcmeCa> {
  const ca = await openAcmeCa(options)
  const authority = await makeAuthority('HTTPS of an ACME CA of a test')
  const pair = await authority.issue({ names: ['localhost'], ips: [address] })
  const server = createServer({ cert: pair.certificatePem, key: pair.keyPem }, async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk)
    const answer = await ca.handle(base(), { method: request.method ?? '', path: request.url ?? '', body })
    if (answer === null) {
      request.socket.destroy()
      return
    }
    if (answer.afterMs > 0) await wait(answer.afterMs, undefined, { ref: false })
    response.writeHead(answer.status, { ...answer.headers }).end(request.method === 'HEAD' ? undefined : answer.body)
  })
  await once(server.listen(0, address), 'listening')
  const { port } = server.address() as AddressInfo
  const base = (): string => `https://${address}:${port}`
  return Object.assign(ca, {
    directoryUrl: `${base()}/directory`,
    httpsCaPem: authority.certificatePem,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  })
}
