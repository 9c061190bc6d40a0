import { dirname, join, resolve } from 'node:path'
import type { Config, ControlPlaneConfig } from '../../config/config.ts'
import { readCredential } from '../../config/credential.ts'
import { requireOurs } from '../../config/require-ours.ts'
import { type AgentEndpoint, type ControlPlane, openControlPlane } from '../../control-plane/open-control-plane.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { environment } from '../context.ts'
import { hostRoots, readCa } from './read-ca.ts'

/** The control plane of the configuration; CONFIG_INVALID when there is none, or no credential for it. */
export async function connect(config: Config): Promise<ControlPlane> {
  return openControlPlane(await endpointOf(config))
}

/** Where it is, and as whom it is asked; CONFIG_INVALID as above. */
export async function endpointOf({ controlPlane: config, policy }: Config): Promise<AgentEndpoint> {
  if (config === null || config.agentId === null) {
    const path = config === null ? 'control_plane' : 'control_plane.agent_id'
    throw new WaxsealError('CONFIG_INVALID', { path, reason: 'it is missing', hint: 'Run waxseal enroll first.' })
  }
  const credential = await readCredential(config, environment())
  if (config.caFile !== null) await requireOurs(config.caFile, 'control_plane.ca_file')
  const ca = (await readCa(config.caFile)) ?? hostRoots()
  const features = [...(policy.acme.http === null ? [] : ['challenge']), ...(policy.look === null ? [] : ['look'])]
  return { url: config.url, ca, agentId: config.agentId, credential, followsCa: isOfEnrolment(config), features }
}

/** Where `waxseal enroll` keeps the CA that it was given. */
export function enrolledCaFile(credentialFile: string): string {
  return join(dirname(credentialFile), 'ca.pem')
}

/**
 * The CA that came with the enrolment is nobody's to look after, and the server says what comes after it. Any other file is the
 * administrator's, as the system's roots are: what they trust is all that is trusted.
 */
function isOfEnrolment({ caFile, credentialFile }: ControlPlaneConfig): boolean {
  return caFile !== null && credentialFile !== null && resolve(caFile) === enrolledCaFile(resolve(credentialFile))
}
