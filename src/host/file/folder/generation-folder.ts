import { lstat, unlink } from 'node:fs/promises'
import { isCode } from '../files.ts'
import type { OpenFolder } from './open-folder.ts'

const above = 'generations'

/** Makes the folder of a new generation (EEXIST), and the one above it where it is missing. Others may enter both. */
export async function makeGeneration(folder: OpenFolder, name: string): Promise<void> {
  if (!(await folder.names()).includes(above)) await folder.make(above)
  await inGenerations(folder, (generations) => generations.make(name))
}

/**
 * Removes the files of these names from a generation, for good, and its folder when it is empty then, and the one above when that is.
 * What has another name is somebody else's, and stays. A generation that is a link, or is not there, is left alone.
 */
export async function removeGeneration(folder: OpenFolder, name: string, files: readonly string[]): Promise<void> {
  await inGenerations(folder, async (generations) => {
    const isFolder = await lstat(generations.at(name)).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    const generation = isFolder ? await generations.open(name) : null
    if (generation === null) return
    try {
      for (const file of files) await generation.run(() => unlinkFile(generation.at(file)))
    } finally {
      await generation.close()
    }
    await generations.removeEmpty(name)
    await generations.sync()
  })
  if (await folder.removeEmpty(above)) await folder.sync()
}

async function inGenerations(folder: OpenFolder, work: (generations: OpenFolder) => Promise<void>): Promise<void> {
  const generations = await folder.open(above)
  if (generations === null) return
  await work(generations).finally(() => generations.close())
}

async function unlinkFile(at: string): Promise<void> {
  await unlink(at).catch((error: unknown) => {
    if (!['ENOENT', 'EISDIR'].some((code) => isCode(error, code))) throw error
  })
}
