import { join } from 'node:path'
import { isCode } from '../host/file/files.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { longestShownHost, type ShownHost, shownHostFile, shownHostSchema, viewFolder } from './shown-host.ts'

const isShownHost = schemaCheck<ShownHost>(shownHostSchema)

/** What the deployer of this state directory shows; null: nothing yet, or nothing that can be read. */
export async function readShownHost(stateDir: string): Promise<ShownHost | null> {
  return readAllowed(stateDir).catch(() => null)
}

/** The same; throws where this user may not read it. */
export async function readShownToUser(stateDir: string): Promise<ShownHost | null> {
  return readAllowed(stateDir).catch((error: unknown) => {
    if (isCode(error, 'EACCES') || isCode(error, 'EPERM')) throw error
    return null
  })
}

async function readAllowed(stateDir: string): Promise<ShownHost | null> {
  const bytes = await readBounded(join(viewFolder(stateDir), shownHostFile), longestShownHost)
  const shown: unknown = bytes === null ? null : JSON.parse(Buffer.from(bytes).toString('utf8'))
  return isShownHost(shown) ? shown : null
}
