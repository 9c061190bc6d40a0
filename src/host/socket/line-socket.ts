import { createConnection, createServer, type Server, type Socket } from 'node:net'

/** One line to a Unix socket, one line back. Rejects with the system's error, or where no whole line came. */
export function askLine(
  path: string,
  line: string,
  bounds: { readonly timeoutMs: number; readonly maxBytes: number; readonly signal?: AbortSignal },
): Promise<string> {
  const { timeoutMs, maxBytes, signal } = bounds
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, ...(signal === undefined ? {} : { signal }) })
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    socket.once('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new Error('the connection ended before the answer'))
    })
    readLine(socket, maxBytes, (answer) => {
      resolve(answer)
      socket.destroy()
    })
    socket.write(line)
  })
}

/** A server of lines that listens. */
export interface LineServer {
  /** How many connections wait for their answer. */
  open(): number
  /** No further connection is taken; those that wait get their answer first. */
  close(): Promise<void>
}

/** What one connection may do. */
export interface LineBounds {
  readonly maxBytes: number
  /** From the connection to its whole line, in milliseconds. */
  readonly lineMs: number
  /** More at the same time are closed at once. */
  readonly mostOpen: number
}

/**
 * Listens, at a path or on a socket that the service manager opened, and answers one line for each connection's one line.
 * `answer` never rejects; null: the connection is closed without a word.
 */
export async function serveLines(
  listen: { readonly path: string } | { readonly fd: number },
  bounds: LineBounds,
  answer: (line: string, gone: AbortSignal) => Promise<string | null>,
): Promise<LineServer> {
  let waiting = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (waiting >= bounds.mostOpen) return void socket.destroy()
    waiting += 1
    const gone = new AbortController()
    const timer = setTimeout(() => socket.destroy(), bounds.lineMs)
    socket.once('close', () => {
      clearTimeout(timer)
      waiting -= 1
      gone.abort()
    })
    readLine(socket, bounds.maxBytes, (line) => {
      clearTimeout(timer)
      void answer(line, gone.signal).then((text) =>
        text === null ? socket.destroy() : endWith(socket, text, bounds.lineMs),
      )
    })
    return undefined
  })
  await listening(server, listen)
  return {
    open: () => waiting,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Whoever does not read the answer, or does not close its side, keeps nobody from ending. */
function endWith(socket: Socket, text: string, mostMs: number): void {
  const timer = setTimeout(() => socket.destroy(), mostMs)
  socket.once('close', () => clearTimeout(timer))
  socket.end(text, () => socket.destroy())
}

function listening(server: Server, listen: { readonly path: string } | { readonly fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // It is bound within the call: others than owner and group may never connect.
    const usual = process.umask(0o117)
    server.listen(listen, () => {
      server.off('error', reject)
      resolve()
    })
    process.umask(usual)
  })
}

/** The first line, once. More than the bound, or a second line, ends the connection. */
function readLine(socket: Socket, maxBytes: number, onLine: (line: string) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  const read = (chunk: Buffer): void => {
    size += chunk.length
    if (size > maxBytes) return void socket.destroy(new Error(`the line is longer than ${maxBytes} bytes`))
    chunks.push(chunk)
    if (!chunk.includes(0x0a)) return undefined
    socket.off('data', read)
    socket.resume()
    const bytes = Buffer.concat(chunks)
    return onLine(bytes.subarray(0, bytes.indexOf(0x0a)).toString('utf8'))
  }
  socket.on('data', read)
}
