import { createHash } from 'node:crypto'
import { openConnection, type ProbeConnection } from '../host/probe-connection.ts'
import type { Probe } from '../plan/plan.ts'
import { dialogues, type ProbePhase } from './dialogue.ts'

/** What one look at one socket saw. */
export interface Look {
  /** Null: none was seen. */
  readonly leaf: { readonly sha256: string; readonly der: Uint8Array } | null
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[]
  readonly tlsVersion: string | null
  readonly ms: number
  /** Which phase failed, and why; null when a leaf was seen. */
  readonly error: string | null
}

/** One look, within the probe's time limit. Never throws. */
export async function probeOnce(probe: Probe): Promise<Look> {
  const started = performance.now()
  const signal = AbortSignal.timeout(probe.timeoutMs)
  let phase: ProbePhase = 'connect'
  let connection: ProbeConnection | null = null
  const elapsed = (): number => Math.round(performance.now() - started)
  try {
    connection = await openConnection(probe.host, probe.port, signal)
    await dialogues[probe.protocol]?.(connection, (entered) => {
      phase = entered
    })
    phase = 'handshake'
    const { certificates, version } = await connection.startTls(probe)
    const der = certificates[0] ?? new Uint8Array()
    const leaf = { sha256: createHash('sha256').update(der).digest('hex'), der }
    return { leaf, certificates, tlsVersion: version, ms: elapsed(), error: null }
  } catch (error) {
    const reason = signal.aborted ? 'the time limit passed' : (error as Error).message
    return { leaf: null, certificates: [], tlsVersion: null, ms: elapsed(), error: `${phase}: ${reason.slice(0, 300)}` }
  } finally {
    connection?.close()
  }
}
