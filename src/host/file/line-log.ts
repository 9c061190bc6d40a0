import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { isCode, moveFile, readSnapshot } from './files.ts'

/** A file of JSON lines that grows at its end and is rotated once. */
export interface LineLog {
  /** Durable on return. */
  append(line: object): Promise<void>
  /** Oldest first; a line that is torn is left out. */
  read(): Promise<readonly unknown[]>
}

/** A link is not followed, and nobody waits for the other end of a pipe. */
const atItsEnd = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Opens a log of at most twice `maxBytes`: the file and its predecessor, `.1`. */
export function openLineLog(path: string, maxBytes: number): LineLog {
  return {
    append: async (line) => {
      const file = await open(path, atItsEnd, 0o600)
      try {
        if (!(await file.stat()).isFile()) throw new Error(`${path} is not a regular file`)
        const start = (await isTorn(file)) ? '\n' : ''
        await file.appendFile(`${start}${JSON.stringify(line)}\n`)
        await file.sync()
        if ((await file.stat()).size > maxBytes) await moveFile(path, `${path}.1`)
      } finally {
        await file.close()
      }
    },
    read: async () => [...(await linesOf(`${path}.1`, maxBytes * 2)), ...(await linesOf(path, maxBytes * 2))],
  }
}

/** A crash left a line without its end: the next one must not become part of it. */
async function isTorn(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat()
  if (size === 0) return false
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== 0x0a
}

async function linesOf(path: string, maxBytes: number): Promise<readonly unknown[]> {
  try {
    const snapshot = await readSnapshot(path, maxBytes)
    return snapshot === null ? [] : Buffer.from(snapshot.bytes).toString('utf8').split('\n').flatMap(parseLine)
  } catch (error) {
    if (isCode(error, 'EACCES')) throw error
    return []
  }
}

function parseLine(line: string): readonly unknown[] {
  try {
    return line === '' ? [] : [JSON.parse(line)]
  } catch {
    return []
  }
}
