import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { reloadCaddy } from '../../../../src/host/socket/caddy-admin.ts'
import { loadIntoHaproxy, reloadHaproxy } from '../../../../src/host/socket/haproxy-cli.ts'
import { askLine } from '../../../../src/host/socket/line-socket.ts'
import { probeProtocols } from '../../../../src/plan/plan.ts'
import { askStatus } from '../../../../src/status/ask-status.ts'
import { dialogues } from '../../../../src/verify/dialogue.ts'
import { probeOnce } from '../../../../src/verify/probe-once.ts'
import { type Boundary, type OpenBoundary, Violation } from '../fuzz.ts'
import { mutateBytes, mutateText } from '../mutate.ts'
import type { Random } from '../random.ts'

const lines = {
  smtp: '220 mail ESMTP\r\n250-mail\r\n250-SIZE\r\n250 STARTTLS\r\n220 go\r\n',
  lmtp: '220 mail LMTP\r\n250-mail\r\n250 STARTTLS\r\n220 go\r\n',
  imap: '* OK ready\r\n* CAPABILITY IMAP4rev1\r\na1 OK go\r\n',
  pop3: '+OK ready\r\n+OK go\r\n',
  sieve: '"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK ready\r\nOK go\r\n',
  tls: '',
} as const

/** STARTTLS dialogs, in memory. */
export const dialogs: Boundary = {
  name: 'peers: dialogs before TLS',
  share: 900,
  open: async () => ({
    take: async (random) => {
      const protocol = random.pick(probeProtocols)
      const answers = mutateText(lines[protocol], random).split('\n')
      const stream = {
        readLine: async () => {
          const line = answers.shift()
          if (line === undefined) throw new Error('the server closed the connection')
          return line.replace(/\r$/, '')
        },
        write: (text: string) => {
          if (/[\r\n].*[^\r\n]/.test(text)) throw new Violation('the server puts a line into the dialog')
        },
      }
      return dialogues[protocol]?.(stream, () => {})
    },
    close: async () => {},
  }),
}

/** A ServerHello of TLS 1.2, and an alert. */
const records = [
  Buffer.from(
    '160303003a0200003603030102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f200000c02f00000e000b00020100ff0100010000170000',
    'hex',
  ),
  Buffer.from('15030300020228', 'hex'),
  Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
] as const

/** Servers that a probe meets: a dialog and a handshake, both changed. */
export const servers: Boundary = {
  name: 'peers: TLS servers',
  share: 300,
  open: () =>
    listening({ port: 0, host: '127.0.0.1' }, async (random, server) => {
      const protocol = random.pick(probeProtocols)
      const said = Buffer.concat([
        Buffer.from(random.below(2) === 0 ? mutateText(lines[protocol], random) : lines[protocol]),
        mutateBytes(random.pick(records), random),
      ])
      server.say = (socket) => socket.end(said)
      const { port } = server.address
      const proxy = random.below(3)
      const look = await probeOnce({
        host: '127.0.0.1',
        port,
        protocol,
        servername: random.pick([null, 'a.test']),
        keyType: null,
        timeoutMs: 1000,
        ...(proxy === 0 ? {} : { proxy: proxy === 1 ? 1 : 2 }),
      })
      if (look.leaf !== null) throw new Violation('a leaf is seen that nobody has served')
      if (look.error === null || /[^\x20-\x7e]/.test(look.error))
        throw new Violation(`told as ${JSON.stringify(look.error)}`)
      throw new Error(look.error)
    }),
}

/** What listens where HAProxy's CLI, Caddy's API, the status page or the deployer should be. */
export const locals: Boundary = {
  name: 'peers: sockets of this host',
  share: 300,
  open: async () => {
    const dir = await makeTemporaryFolder('waxseal-fuzz-')
    const path = join(dir, 'peer.sock')
    const proc = '#<PID> <type> <reloads>\n8 master 2 [failed: 0] 0d\n'
    const http = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"apps": {} }'
    const unix = await listening({ path }, async (random, server) => {
      const signal = AbortSignal.timeout(300)
      server.say = (socket) =>
        socket.end(mutateText(random.pick([proc, 'Transaction created\n', 'Success!\n', http, '{"v":1}\n']), random))
      switch (random.below(4)) {
        case 0:
          return reloadHaproxy([path], signal)
        case 1:
          return loadIntoHaproxy([path, '/etc/hostname'], signal)
        case 2:
          return askStatus(path)
        default:
          return askLine(path, '{}\n', { timeoutMs: 1000, maxBytes: 4096 })
      }
    })
    const tcp = await listening({ port: 0, host: '127.0.0.1' }, async (random, server) => {
      server.say = (socket) => socket.end(mutateText(http, random))
      const { port } = server.address
      return reloadCaddy([`http://127.0.0.1:${port}`], AbortSignal.timeout(1000))
    })
    return {
      take: (random) => (random.below(2) === 0 ? unix : tcp).take(random),
      close: async () => {
        await unix.close()
        await tcp.close()
        await removeTree(dir)
      },
    }
  },
}

interface Speaker {
  say: (socket: Socket) => void
  readonly address: AddressInfo
}

async function listening(
  at: { readonly path: string } | { readonly port: number; readonly host: string },
  take: (random: Random, speaker: Speaker) => Promise<unknown>,
): Promise<OpenBoundary> {
  const open = new Set<Socket>()
  const server: Server = createServer((socket) => {
    open.add(socket)
    socket
      .on('error', () => {})
      .on('close', () => open.delete(socket))
      .resume()
    speaker.say(socket)
  })
  await once(server.listen(at), 'listening')
  const speaker: Speaker = { say: (socket) => socket.destroy(), address: server.address() as AddressInfo }
  return {
    take: (random) => take(random, speaker),
    close: async () => {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}
