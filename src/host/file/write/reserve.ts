import { lstat } from 'node:fs/promises'
import { removeFile } from '../files.ts'
import { durableWrite } from './durable-write.ts'

/** Disk space set aside, so that what must be written can be written when the disk is full. */
export interface Reserve {
  /** Sets the space aside where it is not. Throws when the disk has none: then no new work should be taken. */
  ensure(): Promise<void>
  /** Gives the space back to the file system. */
  release(): Promise<void>
}

const bytes = 1024 * 1024

/** A reserve of 1 MiB in this file. */
export function openReserve(path: string): Reserve {
  return {
    ensure: async () => {
      const size = await lstat(path).then(
        (stats) => (stats.isFile() ? stats.size : 0),
        () => 0,
      )
      if (size !== bytes) await durableWrite(path, Buffer.alloc(bytes, 'waxseal reserve\n'))
    },
    release: async () => {
      await removeFile(path)
    },
  }
}
