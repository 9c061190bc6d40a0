import { dirname } from 'node:path'
import type { Config } from '../config/config.ts'
import { isUnwired } from '../connector/wiring/wiring.ts'
import { asWaxsealError } from '../error/waxseal-error.ts'
import { openFolder } from '../host/file/folder/open-folder.ts'
import { resolveDestination, resolveFolder } from '../host/policy-host.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import { keeperFor } from '../policy/keeper-for.ts'
import { isBelowRoots } from '../policy/policy.ts'
import type { AskedWiring } from './examine-wiring.ts'
import type { Finding } from './finding.ts'

/**
 * Whether somebody other than root, and whom policy names, could write in a root of the policy, or in a folder below one in which a
 * deployment has put files, or a daemon reads them: the next deployment to it is refused.
 */
export async function examineFolders(
  { policy }: Pick<Config, 'policy'>,
  records: readonly DeploymentRecord[],
  wiring: readonly AskedWiring[],
): Promise<Finding> {
  const what = 'folders'
  const read = wiring.flatMap(({ found }) =>
    isUnwired(found) ? [] : [...found.listeners.flatMap(({ files }) => files.map(({ path }) => path)), ...found.named],
  )
  const deployed = records.flatMap(({ files }) => files.map(({ path }) => path))
  const folders = new Set(await Promise.all(policy.roots.map(resolveFolder)))
  for (const path of new Set([...read, ...deployed])) {
    const folder = await folderOf(path)
    if (folder !== null && (await isBelowRoots(`${folder}/`, policy.roots))) folders.add(folder)
  }
  const refusals = new Set<string>()
  for (const folder of [...folders].toSorted()) {
    const refusal = await refusalOf(folder, policy)
    if (refusal !== null) refusals.add(refusal)
  }
  if (refusals.size > 0) return { what, verdict: 'failed', detail: [...refusals].join(' ') }
  const detail = `${folders.size} were looked at: nobody but root, and whom policy.folders names, may write in them`
  return { what, verdict: 'ok', detail }
}

/** Where a path leads; null: nowhere that a file could be put. */
async function folderOf(path: string): Promise<string | null> {
  if (!path.startsWith('/')) return null
  const found = await resolveDestination(path).catch(() => null)
  return found?.kind === 'file' || found?.kind === 'free' ? dirname(found.path) : null
}

/** The reason, and what to do; null: it would be opened, or it is not there. */
async function refusalOf(folder: string, policy: Config['policy']): Promise<string | null> {
  try {
    const opened = await openFolder(folder, await keeperFor(`${folder}/new`, policy))
    await opened?.close()
    return null
  } catch (error) {
    const { message, details } = asWaxsealError(error)
    const way = details['way'] === undefined ? '' : ` ${details['way']}.`
    return `No deployment goes into ${folder}: ${details['reason'] ?? message}.${way}`
  }
}
