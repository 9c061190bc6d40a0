import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import type { Test } from 'tap'
import type { DnsServer } from '../../../src/host/socket/dns-exchange.ts'

/** A way to a server that can be cut. */
export interface Relay {
  /** From now on nothing comes through, and nobody is told: as where a server is gone, or a firewall is in the way. */
  cut(): void
  mend(): void
}

const patienceMs = 5000

/**
 * Has the server at `to` answer at `from`, too, until the end of the test. named(8) listens at addresses of interfaces alone; here it is to
 * have port 53 at any address of 127.0.0.0/8 that nobody else has.
 */
export async function startRelay(t: Pick<Test, 'teardown'>, from: DnsServer, to: DnsServer): Promise<Relay> {
  let isCut = false
  const udp = createSocket('udp4').bind(from.port, from.address)
  udp.on('message', (bytes, { port, address }) => {
    if (isCut) return
    const upstream = createSocket('udp4')
    const close = (): void => {
      clearTimeout(late)
      upstream.close()
    }
    const late = setTimeout(close, patienceMs)
    upstream.once('error', close)
    upstream.once('message', (answer) => {
      if (!isCut) udp.send(answer, port, address)
      close()
    })
    upstream.send(bytes, to.port, to.address)
  })
  const connections = new Set<{ destroy(): unknown }>()
  const tcp = createServer((connection) => {
    if (isCut) {
      connection.destroy()
      return
    }
    const upstream = createConnection({ host: to.address, port: to.port })
    for (const [one, other] of [
      [connection, upstream],
      [upstream, connection],
    ] as const) {
      connections.add(one)
      one.on('error', () => other.destroy())
      one.once('close', () => connections.delete(one))
      one.pipe(other)
    }
  }).listen(from.port, from.address)
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
  t.teardown(async () => {
    isCut = true
    udp.close()
    for (const connection of connections) connection.destroy()
    tcp.close()
    await once(tcp, 'close')
  })
  return {
    cut: () => {
      isCut = true
    },
    mend: () => {
      isCut = false
    },
  }
}
