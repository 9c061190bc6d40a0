import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, open, readdir, readFile, readlink, stat, utimes, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'

/** What must never be touched: each notices that it was. */
export interface Canaries {
  /** A word that must be told to nobody. */
  readonly secret: string
  /** A file that must be neither read nor changed; it holds the secret. */
  file(path: string, text?: string, mode?: number): Promise<string>
  /** The same, where only a change is a violation. */
  kept(path: string, text?: string, mode?: number): Promise<string>
  /** A program that leaves a mark when it runs. */
  program(path: string): Promise<string>
  /** A folder whose names, links and contents stay what they are from now on. */
  folder(path: string): Promise<string>
  /** A Unix socket, or a TCP port of loopback, that nobody may connect to. */
  socket(path: string): Promise<string>
  port(): Promise<number>
  /** Whether one of these texts tells the secret. */
  toldIn(...texts: readonly string[]): boolean
  /** What was touched since they were set; none: []. */
  touched(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Opens a set whose marks are below `dir`. */
export async function openCanaries(dir: string): Promise<Canaries> {
  const secret = `secret-${randomBytes(12).toString('hex')}`
  const marks = join(dir, 'marks')
  await mkdir(marks, { recursive: true, mode: 0o777 })
  await chmod(marks, 0o777)
  const looks: (() => Promise<string | null>)[] = []
  const servers: Server[] = []
  const connected: string[] = []
  const listen = async (at: string | { port: number; host: string }): Promise<Server> => {
    const server = createServer((socket) => {
      connected.push(`connected to ${JSON.stringify(at)}`)
      socket.destroy()
    })
    await once(typeof at === 'string' ? server.listen(at) : server.listen(at), 'listening')
    servers.push(server)
    return server
  }
  const written = async (path: string, text: string, mode: number): Promise<string> => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text, { mode })
    await chmod(path, mode)
    // Older than its last change, the time of the last reading is renewed by the next one, with relatime, too.
    await utimes(path, new Date('2001-01-01'), new Date('2002-01-01'))
    return path
  }
  const own: Canaries = {
    secret,
    file: async (path, text = `password = ${secret}\n`, mode = 0o600) => {
      await written(path, text, mode)
      const before = await faceOf(path, true)
      looks.push(async () => ((await faceOf(path, true)) === before ? null : `${path} was read or changed`))
      return path
    },
    kept: async (path, text = `password = ${secret}\n`, mode = 0o600) => {
      await written(path, text, mode)
      const before = await contentsOf(path)
      looks.push(async () => ((await contentsOf(path)) === before ? null : `${path} was changed`))
      return path
    },
    program: async (path) => {
      const mark = join(marks, createHash('sha256').update(path).digest('hex').slice(0, 16))
      await written(path, `#!/bin/sh\ntouch ${mark}\necho ${secret}\n`, 0o755)
      looks.push(async () => ((await stat(mark).catch(() => null)) === null ? null : `${path} was run`))
      return path
    },
    folder: async (path) => {
      const before = await treeOf(path)
      looks.push(async () => {
        const now = await treeOf(path)
        return now === before ? null : `${path} was changed:\n${before}\n${now}`
      })
      return path
    },
    socket: async (path) => {
      await mkdir(dirname(path), { recursive: true })
      await listen(path)
      return path
    },
    port: async () => ((await listen({ port: 0, host: '127.0.0.1' })).address() as AddressInfo).port,
    toldIn: (...texts) => texts.some((text) => text.includes(secret)),
    touched: async () => {
      const found = await Promise.all(looks.map((look) => look()))
      return [...found.filter((one) => one !== null), ...connected]
    },
    close: async () => {
      await Promise.all(
        servers.map(async (server) => {
          server.close()
          await once(server, 'close')
        }),
      )
    },
  }
  return own
}

/** Without reading it, which would be a reading. */
async function faceOf(path: string, withAccess: boolean): Promise<string> {
  const { ino, mode, uid, gid, nlink, size, mtimeMs, ctimeMs, atimeMs } = await stat(path)
  return JSON.stringify([ino, mode, uid, gid, nlink, size, mtimeMs, ctimeMs, withAccess ? atimeMs : 0])
}

async function contentsOf(path: string): Promise<string> {
  const { mode, uid, gid } = await stat(path)
  return JSON.stringify([
    mode,
    uid,
    gid,
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  ])
}

async function treeOf(path: string): Promise<string> {
  const names = (await readdir(path, { withFileTypes: true })).toSorted((one, other) =>
    one.name < other.name ? -1 : 1,
  )
  const lines = await Promise.all(
    names.map(async (entry) => {
      const at = join(path, entry.name)
      if (entry.isSymbolicLink()) return `${at} -> ${await readlink(at)}`
      if (entry.isDirectory()) return `${at}/\n${await treeOf(at)}`
      return entry.isFile() ? `${at} ${await contentsOf(at)}` : at
    }),
  )
  return lines.join('\n')
}

/** Whether this file system notices a reading: without that, no canary of a file sings. */
export async function noticesReading(dir: string): Promise<boolean> {
  const canaries = await openCanaries(dir)
  const path = await canaries.file(join(dir, 'self-test'))
  const file = await open(path)
  await file.read(Buffer.alloc(8), 0, 8, 0)
  await file.close()
  return (await canaries.touched()).length === 1
}
