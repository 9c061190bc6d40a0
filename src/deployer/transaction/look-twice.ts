import type { ProbeOutcome } from '../../outcome/outcome.ts'
import { isRefusedConnection } from '../../outcome/sighting.ts'
import { nameOf } from './judge.ts'

/** One step of a deployment has a quarter of an hour (the watchdog): after a look that took longer than this there is no other one. */
const longestFirstMs = 2 * 60_000
/** The second look ends by then: the port was opened by the reload, or stays closed. */
const longestSecondMs = 60_000

/** What is looked at, and what loads the files once more. */
export interface Looking<Seen> {
  readonly look: (signal?: AbortSignal) => Promise<Seen>
  /** Those that decide. */
  readonly failedOf: (seen: Seen) => readonly ProbeOutcome[]
  /** False: it failed, as where the service has ended, or there is nothing to run. */
  readonly load: () => Promise<boolean>
  readonly signal?: AbortSignal | undefined
}

/**
 * Looks, behind a reload. Where nothing is wrong but ports that refuse connections, has it done once more and looks again: a service may
 * lose a port at its own reload, and open it at the next (docs/wiring.md). `lost`: those ports.
 */
export async function lookTwice<Seen>({
  look,
  failedOf,
  load,
  signal,
}: Looking<Seen>): Promise<{ readonly seen: Seen; readonly lost: readonly ProbeOutcome[] }> {
  const begun = performance.now()
  const seen = await look(signal)
  const failed = failedOf(seen)
  const isLost = failed.length > 0 && failed.every(({ error }) => isRefusedConnection(error))
  if (!isLost || performance.now() - begun > longestFirstMs || !(await load())) return { seen, lost: [] }
  const late = AbortSignal.timeout(longestSecondMs)
  return { seen: await look(signal === undefined ? late : AbortSignal.any([signal, late])), lost: failed }
}

/** What is said of those of these probes whose port came back with the second reload. */
export function openedAgain(probes: readonly ProbeOutcome[], lost: readonly ProbeOutcome[]): readonly string[] {
  const names = lost.map(nameOf)
  return probes
    .map(nameOf)
    .filter((name) => names.includes(name))
    .map(
      (name) =>
        `${name} refused connections after the reload, and answered after a second one: until then clients were refused there. Of Dovecot, write the IPv6 addresses in "listen" without brackets (docs/wiring.md).`,
    )
}
