import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { isCode, readSnapshot, removeFile } from './files.ts'
import { durableWrite } from './write/durable-write.ts'

/** A file of JSON lines that grows at its end and is rotated once. */
export interface LineLog {
  /** Durable on return. */
  append(line: object): Promise<void>
  /** Oldest first; a line that is torn is left out. */
  read(): Promise<readonly unknown[]>
}

/** A link is not followed, and nobody waits for the other end of a pipe. */
const atItsEnd = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Opens a log of at most twice `maxBytes`: the file and its predecessor, `.1`. When that is written anew, lines that are `dear` push out
 * the others, and no number of others pushes out one of them.
 */
export function openLineLog(path: string, maxBytes: number, isDear: (line: unknown) => boolean = () => true): LineLog {
  const before = `${path}.1`
  const readAll = async (): Promise<readonly unknown[]> => {
    const older = await linesOf(before, maxBytes * 2)
    // A crash may have come between the two steps of a rotation: a line of both files is one line.
    const known = new Set(older.map((line) => JSON.stringify(line)))
    const newer = (await linesOf(path, maxBytes * 2)).filter((line) => !known.has(JSON.stringify(line)))
    return [...older, ...newer]
  }
  // No less is kept than the file that is full: its last line is not what pushes out its first.
  const rotate = async (bytes: number): Promise<void> => {
    const kept = newestOf(await readAll(), bytes, isDear)
    await durableWrite(before, Buffer.from(kept.map((line) => `${JSON.stringify(line)}\n`).join('')))
    await removeFile(path)
  }
  return {
    append: async (line) => {
      const file = await open(path, atItsEnd, 0o600)
      try {
        if (!(await file.stat()).isFile()) throw new Error(`${path} is not a regular file`)
        const start = (await isTorn(file)) ? '\n' : ''
        await file.appendFile(`${start}${JSON.stringify(line)}\n`)
        await file.sync()
        const { size } = await file.stat()
        if (size > maxBytes) await rotate(size)
      } finally {
        await file.close()
      }
    },
    read: readAll,
  }
}

/** In their order, those that fit into so many bytes: the newest of the dear ones first, then the newest of the others. */
function newestOf(lines: readonly unknown[], bytes: number, isDear: (line: unknown) => boolean): readonly unknown[] {
  let left = bytes
  const kept = new Set<unknown>()
  for (const dear of [true, false]) {
    for (const line of lines.toReversed().filter((one) => isDear(one) === dear)) {
      left -= Buffer.byteLength(JSON.stringify(line)) + 1
      if (left < 0) return lines.filter((one) => kept.has(one))
      kept.add(line)
    }
  }
  return lines.filter((one) => kept.has(one))
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
