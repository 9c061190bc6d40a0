import type { ShownDane } from '../documents/shown-host.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import type { Certificate } from '../material/material.ts'
import { lookAtTlsa, type TlsaLook } from '../policy/look-at-tlsa.ts'
import type { Engine } from './engine.ts'
import { readable } from './propose/live-leaf.ts'

/** Further names are not asked for. */
const mostNames = 50

/** A look, and the record whose live pair it is about. */
export interface DaneLook extends TlsaLook {
  readonly record: DeploymentRecord
}

/**
 * How the TLSA records of what is deployed stand to the live pairs, as senders see them, of 50 names at most. What has none is left out,
 * and so is a DNS failure where policy holds nothing for it.
 */
export async function lookAtDane(
  { archive, policy }: Pick<Engine, 'archive' | 'policy'>,
  records: readonly DeploymentRecord[],
): Promise<readonly DaneLook[]> {
  if (policy.dane === 'off') return []
  const asked = records.flatMap((record) => ownersOf(record).map((owner) => ({ owner, record }))).slice(0, mostNames)
  const found = await Promise.all(
    asked.map(async ({ owner, record }): Promise<readonly DaneLook[]> => {
      const look = await lookAtTlsa(owner, () => livePair(archive, record), policy.resolvers)
      if (look === null || (look.state === 'unknown' && policy.dane !== 'hold')) return []
      return [{ ...look, record }]
    }),
  )
  return found.flat()
}

/** Of one name. */
const mostPublished = 16

/** What people see of a look: at most 16 records of a name, those for the live pair first. */
export function shownDane({ record: _, published, ...look }: DaneLook): ShownDane {
  const sorted = published.toSorted((one, other) => Number(other.matches) - Number(one.matches))
  return { ...look, published: sorted.slice(0, mostPublished) }
}

/** Leaf and chain; empty: they are not kept. */
async function livePair(
  archive: Engine['archive'],
  { target, certificate }: DeploymentRecord,
): Promise<readonly Certificate[]> {
  const live = (await archive.list(target)).find(({ sha256 }) => sha256 === certificate.sha256)
  return live === undefined ? [] : readable(Buffer.from(live.certificatePem))
}

/** Names of a certificate at the ports where it is looked for; wildcards and addresses have no such records. */
function ownersOf({ certificate, looks }: DeploymentRecord): readonly string[] {
  const names = [...certificate.names, ...looks.flatMap(({ servername }) => servername ?? [])]
    .map((name) => name.toLowerCase())
    .filter((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(name) && !/^[\d.]+$/.test(name))
  const ports = [...new Set(looks.map(({ port }) => port))]
  return [...new Set(names)].flatMap((name) => ports.map((port) => `_${port}._tcp.${name}`))
}
