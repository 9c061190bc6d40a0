import type { PreparedChange } from '../../apply/prepare-changes.ts'
import type { Certificate } from '../../material/material.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'

/** The leaf that a file holds now; empty: none that can be read. */
export function leafOf(change: PreparedChange): readonly Certificate[] {
  return change.role === 'chain' ? [] : certificatesIn(change).slice(0, 1)
}

/** The certificates that the files hold now, each once, leaf first; empty: none that can be read. */
export function liveCertificates(changes: readonly PreparedChange[]): readonly Certificate[] {
  const isChain = ({ role }: PreparedChange): boolean => role === 'chain'
  const leafFirst = [...changes.filter((change) => !isChain(change)), ...changes.filter(isChain)]
  const found = leafFirst.flatMap(certificatesIn)
  const digests = found.map(({ sha256 }) => sha256)
  const once = found.filter(({ sha256 }, index) => digests.indexOf(sha256) === index)
  return changes.some((change) => leafOf(change).length > 0) ? once : []
}

function certificatesIn({ role, live }: PreparedChange): readonly Certificate[] {
  if (live === null || role === 'key' || role === 'other') return []
  return readable(live.bytes)
}

/** The certificates of a file; empty: none that can be read. */
export function readable(bytes: Uint8Array): readonly Certificate[] {
  try {
    return parseCertificates(bytes)
  } catch {
    return []
  }
}
