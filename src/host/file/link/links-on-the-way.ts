import { isCode } from '../files.ts'
import { placesOnTheWay } from './places-on-the-way.ts'

/**
 * The links by which an absolute path leads to where it does, each with the links in its own folder resolved: whoever can exchange one of
 * them says where the path leads. Ends where nothing is. Throws where they are too many.
 */
export async function linksOnTheWay(path: string): Promise<readonly string[]> {
  const found: string[] = []
  try {
    for await (const place of placesOnTheWay(path)) if (place.stats.isSymbolicLink()) found.push(place.path)
  } catch (error) {
    if (!isCode(error, 'ENOTDIR')) throw error
  }
  return found
}
