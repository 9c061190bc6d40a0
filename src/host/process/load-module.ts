import { pathToFileURL } from 'node:url'
import { ownPath } from '../file/link/own-path.ts'

/** What an ES module exports. It is run with all that the agent may do, so it has to be the host's own. Throws the reason. */
export async function loadModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(pathToFileURL(await ownPath(path)).href)) as Readonly<Record<string, unknown>>
}
