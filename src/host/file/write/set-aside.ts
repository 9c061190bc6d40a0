import { lstat } from 'node:fs/promises'
import { moveFile, unlessMissing } from '../files.ts'
import { foreignBy } from '../ours.ts'

/** Largest file of ours that has one of these names, in bytes: whoever reads or locks it must not be kept busy by it. */
const mostBytes = 64 * 1024 * 1024

/**
 * Renames what is at `path`, and is no file of ours, out of the way: a link, a folder, a FIFO, a device, a file of another user's or
 * one that others may write, or a huge one. Opens and follows nothing. Returns whether there was any.
 */
export async function setAsideForeign(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(unlessMissing)
  if (stats === null || (stats.isFile() && stats.size <= mostBytes && foreignBy(path, stats) === null)) return false
  await moveFile(path, `${path}.aside`)
  return true
}
