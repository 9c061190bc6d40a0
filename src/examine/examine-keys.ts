import type { Config } from '../config/config.ts'
import { readSnapshot } from '../host/file/files.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import { listKeys } from '../material/list-keys.ts'
import type { Finding } from './finding.ts'

/** Whether others can read a private key: in the store, or where it was deployed. */
export async function examineKeys(config: Config, records: readonly DeploymentRecord[]): Promise<Finding> {
  const what = 'keys'
  const kept = await listKeys(config.keyDir ?? `${config.stateDir}/keys`)
  const holders = records.flatMap(({ files }) => files.filter(({ role }) => role === 'key' || role === 'bundle'))
  const paths = [...new Set(holders.map(({ path }) => path))]
  const open = await Promise.all(paths.map(openToAll))
  const problems = [
    ...kept.flatMap(({ spkiSha256, problem }) => (problem === null ? [] : [`${spkiSha256}: ${problem}`])),
    ...open.flatMap((path) => (path === null ? [] : [`Every user may read ${path}: chmod o= ${path}`])),
  ]
  if (problems.length > 0) return { what, verdict: 'failed', detail: problems.join(' ') }
  return { what, verdict: 'ok', detail: `${kept.length} kept, ${paths.length} deployed, none open to every user` }
}

/** The path, when every user may read it. One that cannot be looked at is told of with its target. */
async function openToAll(path: string): Promise<string | null> {
  const live = await readSnapshot(path).catch(() => null)
  return live !== null && (live.mode & 0o004) !== 0 ? path : null
}
