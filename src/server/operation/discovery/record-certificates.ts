import { readFound } from '../../authority/read-found.ts'
import type { FoundRow } from '../../store/discovered-store.ts'
import type { AgentRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'

/** A certificate as an agent tells of it (protocol §1). */
export interface ToldCertificate {
  readonly pem: string
  readonly path: string
  readonly format: FoundRow['format']
}

/** Where one was that is there no more (protocol §4). */
export type ToldGone = Pick<FoundRow, 'fingerprint' | 'path'>

/** What became of a report. */
export interface Recorded {
  readonly found: number
  /** They could not be read, or there is no room for more of this agent. */
  readonly leftOut: number
  readonly gone: number
}

/** Of one agent: twice what one search of ours finds, so that what is gone can be seen for a while. */
export const mostOfAgent = 10_000

/** Keeps what was found on a host, as the certificates themselves say it, within the bound of an agent. */
export async function recordCertificates(
  { store }: Pick<Parts, 'store'>,
  { id: agentId }: AgentRow,
  certificates: readonly ToldCertificate[],
  gone: readonly ToldGone[],
): Promise<Recorded> {
  const read = certificates.flatMap(({ pem, path, format }): readonly FoundRow[] => {
    const facts = readFound(pem)
    return facts === null ? [] : [{ agentId, path, format, ...facts }]
  })
  if (certificates.length + gone.length === 0) return { found: 0, leftOut: 0, gone: 0 }
  return store.transaction(async (inside) => {
    const at = await inside.now()
    for (const place of gone) await inside.discovered.setGone({ agentId, ...place }, at)
    const fitting = await fittingOf(inside, agentId, read)
    // In one order, so that two reports do not wait for each other.
    for (const row of fitting.toSorted(byKey)) await inside.discovered.see(row, at)
    const recorded = { found: fitting.length, leftOut: certificates.length - fitting.length, gone: gone.length }
    await audit(inside, `agent:${agentId}`, 'agent.discovery', agentId, recorded)
    return recorded
  })
}

/** What is known already has its place; the rest gets what room there is. */
async function fittingOf(store: Store, agentId: string, rows: readonly FoundRow[]): Promise<readonly FoundRow[]> {
  const beyond = (await store.discovered.count(agentId)) + rows.length - mostOfAgent
  if (beyond <= 0) return rows
  await store.discovered.forgetGone(agentId, beyond)
  let room = mostOfAgent - (await store.discovered.count(agentId))
  const fitting: FoundRow[] = []
  for (const row of rows) {
    const isKnown = await store.discovered.has(row)
    if (!isKnown && room <= 0) continue
    if (!isKnown) room -= 1
    fitting.push(row)
  }
  return fitting
}

function byKey(one: FoundRow, other: FoundRow): number {
  return keyOf(one) < keyOf(other) ? -1 : 1
}

function keyOf({ fingerprint, path }: FoundRow): string {
  return `${fingerprint} ${path}`
}
