import { open } from 'node:fs/promises'
import { isCode } from './files.ts'

/** Most files of ours are smaller: a buffer as large as the bound would be cleared for each. */
const chunkBytes = 16 * 1024

/** The bytes of a file, symlinks followed; null when there is none. Throws when it is larger than `maxBytes`. */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array | null> {
  try {
    const file = await open(path, 'r')
    try {
      const chunks: Uint8Array[] = []
      const buffer = new Uint8Array(chunkBytes)
      let length = 0
      for (;;) {
        const { bytesRead } = await file.read(buffer)
        if (bytesRead === 0) return Uint8Array.from(Buffer.concat(chunks))
        chunks.push(buffer.slice(0, bytesRead))
        length += bytesRead
        if (length > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`)
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw error
  }
}
