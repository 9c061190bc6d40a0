import { openConnection, type ProbeConnection } from '../host/socket/probe-connection.ts'
import type { LookFailure } from '../outcome/sighting.ts'
import type { Probe } from '../plan/plan.ts'
import { dialogues, type ProbePhase } from './dialogue.ts'
import { digestOf } from './served-chain.ts'

/** What one look at one socket saw. */
export interface Look {
  /** Null: none was seen. */
  readonly leaf: { readonly sha256: string; readonly der: Uint8Array } | null
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[]
  readonly tlsVersion: string | null
  /** Why the roots do not vouch for the chain, in OpenSSL's word; null: they do; left out: nobody asked. */
  readonly distrust?: string | null
  readonly ms: number
  /** How long each phase took, in order, the one that failed included. */
  readonly phases: readonly { readonly name: ProbePhase; readonly ms: number }[]
  /** Which phase failed, and why; null when a leaf was seen. */
  readonly failure: LookFailure | null
  /** The same in one text. */
  readonly error: string | null
}

/** One look, within the probe's time limit. Never throws. With roots (PEM) it says whether they vouch for the chain. */
export async function probeOnce(probe: Probe, roots?: readonly string[]): Promise<Look> {
  const started = performance.now()
  const signal = AbortSignal.timeout(probe.timeoutMs)
  const phases = new PhaseTimes(started)
  let connection: ProbeConnection | null = null
  const elapsed = (): number => Math.round(performance.now() - started)
  try {
    connection = await openConnection(probe, signal)
    await dialogues[probe.protocol]?.(connection, (entered) => phases.enter(entered))
    phases.enter('handshake')
    const asked = roots === undefined ? probe : { ...probe, roots }
    const { certificates, version, distrust } = await connection.startTls(asked)
    const der = certificates[0] ?? new Uint8Array()
    const leaf = { sha256: digestOf(der), der }
    const times = { ms: elapsed(), phases: phases.end() }
    const trust = roots === undefined ? {} : { distrust }
    return { leaf, certificates, tlsVersion: version, ...trust, ...times, failure: null, error: null }
  } catch (error) {
    const reason = signal.aborted ? 'the time limit passed' : reasonOf(error as Error)
    const failure = { phase: phases.current, reason }
    const times = { ms: elapsed(), phases: phases.end() }
    return { leaf: null, certificates: [], tlsVersion: null, ...times, failure, error: `${failure.phase}: ${reason}` }
  } finally {
    connection?.close()
  }
}

/**
 * OpenSSL's own message names a thread, a source file and its line: its reason alone is the same at every look. Refused at
 * each of several addresses, an error has a code and an empty message.
 */
function reasonOf({ reason, message, code }: Error & { readonly reason?: string; readonly code?: string }): string {
  return (reason || message || code || 'unknown')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 300)
}

/** Which phase a look is in, and how long each took. */
class PhaseTimes {
  current: ProbePhase = 'connect'
  #since: number
  readonly #times: { readonly name: ProbePhase; readonly ms: number }[] = []

  constructor(since: number) {
    this.#since = since
  }

  enter(phase: ProbePhase): void {
    const now = performance.now()
    this.#times.push({ name: this.current, ms: Math.round((now - this.#since) * 10) / 10 })
    this.current = phase
    this.#since = now
  }

  end(): Look['phases'] {
    this.enter(this.current)
    return this.#times
  }
}
