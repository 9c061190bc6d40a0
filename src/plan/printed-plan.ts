import { createHash } from 'node:crypto'
import type { Plan, PlannedFile } from './plan.ts'

/** A planned file as it may be printed: its length and, for what is no secret, its digest in place of the contents. */
export type PrintedFile = Omit<PlannedFile, 'contents'> & { readonly bytes: number; readonly sha256: string | null }

/** A plan without contents: what a dry run prints and what survives a JSON round trip. */
export type PrintedPlan = Omit<Plan, 'files'> & { readonly files: readonly PrintedFile[] }

/** Files of these roles hold key bytes: not even a digest of them leaves memory. */
function holdsKey(role: PlannedFile['role']): boolean {
  return role === 'key' || role === 'bundle'
}

/** The plan, contents left out. */
export function printPlan(plan: Plan): PrintedPlan {
  return { ...plan, files: plan.files.map(printFile) }
}

function printFile({ contents, ...file }: PlannedFile): PrintedFile {
  const sha256 = holdsKey(file.role) ? null : createHash('sha256').update(contents).digest('hex')
  return { ...file, bytes: contents.length, sha256 }
}
