import type { Config } from '../../config/config.ts'
import { readCredential } from '../../config/credential.ts'
import { requireOurs } from '../../config/require-ours.ts'
import { type ControlPlane, openControlPlane } from '../../control-plane/open-control-plane.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { environment } from '../context.ts'
import { hostRoots, readCa } from './read-ca.ts'

/** The control plane of the configuration; CONFIG_INVALID when there is none, or no credential for it. */
export async function connect(config: Config): Promise<ControlPlane> {
  return openControlPlane(await endpointOf(config))
}

/** Where it is, and as whom it is asked; CONFIG_INVALID as above. */
export async function endpointOf({ controlPlane: config }: Config): Promise<Parameters<typeof openControlPlane>[0]> {
  if (config === null || config.agentId === null) {
    const path = config === null ? 'control_plane' : 'control_plane.agent_id'
    throw new WaxsealError('CONFIG_INVALID', { path, reason: 'it is missing', hint: 'Run waxseal enroll first.' })
  }
  const credential = await readCredential(config, environment())
  if (config.caFile !== null) await requireOurs(config.caFile, 'control_plane.ca_file')
  const ca = (await readCa(config.caFile)) ?? hostRoots()
  return { url: config.url, ca, agentId: config.agentId, credential }
}
