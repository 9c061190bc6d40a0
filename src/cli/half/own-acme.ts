import type { Config } from '../../config/config.ts'
import { requireOurs } from '../../config/require-ours.ts'
import type { OwnAcme } from '../../courier/own-renewal.ts'
import { hostRoots, readCa } from '../control-plane/read-ca.ts'

const path = 'policy.acme.own.ca_file'

/** How the CA is reached that renews for this host when its control plane is gone; null: policy has none. CONFIG_INVALID: its roots cannot be read. */
export async function ownAcmeOf({ policy }: Pick<Config, 'policy'>): Promise<OwnAcme | null> {
  const { own } = policy.acme
  if (own === null) return null
  const { caFile, names: _, ...rest } = own
  if (caFile !== null) await requireOurs(caFile, path)
  return { ...rest, ca: (await readCa(caFile, path)) ?? hostRoots() }
}
