import { open } from 'node:fs/promises'
import { isCode } from './files.ts'

/** The bytes of a file, symlinks followed; null when there is none. Throws when it is larger than `maxBytes`. */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array | null> {
  try {
    const file = await open(path, 'r')
    try {
      const buffer = Buffer.alloc(maxBytes + 1)
      let length = 0
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length)
        length += bytesRead
        if (length > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`)
        if (bytesRead === 0) return Uint8Array.prototype.slice.call(buffer, 0, length)
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw error
  }
}
