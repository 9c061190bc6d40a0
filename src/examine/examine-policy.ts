import { dirname } from 'node:path'
import type { Config } from '../config/config.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import { isBelowRoots } from '../policy/policy.ts'
import type { Finding } from './finding.ts'

/** Whether what is live would still be allowed: its files below the policy's roots. */
export async function examinePolicy({ policy }: Config, records: readonly DeploymentRecord[]): Promise<Finding> {
  const what = 'policy'
  const paths = [...new Set(records.flatMap(({ files }) => files.map(({ path }) => path)))]
  const refused: string[] = []
  for (const path of paths) if (!(await isBelowRoots(path, policy.roots))) refused.push(path)
  if (refused.length === 0) return { what, verdict: 'ok', detail: `it allows all ${paths.length} deployed files` }
  const folders = [...new Set(refused.map(dirname))].join(', ')
  return { what, verdict: 'failed', detail: `the next deployment will be refused: add ${folders} to policy.roots` }
}
