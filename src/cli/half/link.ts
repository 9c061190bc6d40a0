import type { Config } from '../../config/config.ts'
import type { ControlPlane } from '../../control-plane/open-control-plane.ts'
import { connect } from '../control-plane/connect.ts'

/** The agent's way to its control plane: there from the start, or once the host is enrolled. */
export interface Link {
  /** Does not resolve while the agent waits to be enrolled. */
  readonly controlPlane: Promise<ControlPlane>
  isWaiting(): boolean
  /** Connects by this configuration, where the agent still waits and that names a control plane. Throws what `connect` throws. */
  offer(config: Config): Promise<void>
  close(): Promise<void>
}

/** Whether the configuration names a control plane, and who this host is to it. */
export function isEnrolled({ controlPlane }: Config): boolean {
  return controlPlane !== null && controlPlane.agentId !== null
}

/** Connects at once where the configuration names a control plane, else waits for one. Throws what `connect` throws. */
export async function openLink(config: Config): Promise<Link> {
  let open: ControlPlane | null = null
  let connected: (controlPlane: ControlPlane) => void = () => {}
  const controlPlane = new Promise<ControlPlane>((resolve) => {
    connected = resolve
  })
  const offer = async (offered: Config): Promise<void> => {
    if (open !== null || !isEnrolled(offered)) return
    const made = await connect(offered)
    open ??= made
    connected(open)
  }
  await offer(config)
  return {
    controlPlane,
    isWaiting: () => open === null,
    offer,
    close: async () => open?.close(),
  }
}
