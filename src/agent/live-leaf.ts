import type { PreparedChange } from '../apply/prepare-changes.ts'
import type { Certificate } from '../material/material.ts'
import { parseCertificates } from '../material/parse-certificate.ts'

/** The leaf that a file holds now; empty: none that can be read. */
export function leafOf({ role, live }: PreparedChange): readonly Certificate[] {
  if (live === null || (role !== 'certificate' && role !== 'bundle')) return []
  try {
    return parseCertificates(live.bytes).slice(0, 1)
  } catch {
    return []
  }
}
