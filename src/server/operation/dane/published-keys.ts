import type { Store } from '../../store/store.ts'

/** SPKI digests of the keys that TLSA records of its targets name, or are to name: the host keeps these (protocol §4). */
export async function publishedKeys(
  { certificates, rollovers }: Pick<Store, 'certificates' | 'rollovers'>,
  certificateId: string,
): Promise<readonly string[]> {
  const keys = new Set<string>()
  for (const targetId of await certificates.deployedTo(certificateId))
    for (const { spki } of await rollovers.records(targetId)) keys.add(spki)
  return [...keys].slice(0, mostKeys)
}

/** An agent reads no more of them. */
const mostKeys = 100
