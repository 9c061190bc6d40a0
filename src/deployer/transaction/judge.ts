import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Material } from '../../material/material.ts'
import type { ProbeOutcome } from '../../outcome/outcome.ts'

/** The probes that did not see what they should, and decide: the new pair is not served everywhere. */
export function failedProbes(probes: readonly ProbeOutcome[]): readonly ProbeOutcome[] {
  return probes.filter(({ ok, decides }) => !ok && decides !== false)
}

/** Whether a listener showed the new leaf. */
export function isProven(probes: readonly ProbeOutcome[]): boolean {
  return probes.some(({ ok }) => ok)
}

/** VERIFY_FAILED with what each of these saw. */
export function verifyFailed(failed: readonly ProbeOutcome[]): WaxsealError {
  return new WaxsealError('VERIFY_FAILED', {
    expected: [...new Set(failed.map(({ expected }) => expected))].join(', '),
    probes: failed.map((probe) => `${nameOf(probe)}: ${probe.error ?? `serves ${probe.seen}`}`),
  })
}

/** What of the probes is no reason to go back and may still be a mistake, a sentence each. */
export function probeWarnings(probes: readonly ProbeOutcome[]): readonly string[] {
  return [
    ...probes
      .filter(({ decides }) => decides === false)
      .map((probe) => `${nameOf(probe)} proves nothing, for it failed in the same way before: ${probe.error}.`),
    ...probes
      .filter(({ ok, chain }) => ok && chain === 'missing')
      .map(
        (probe) =>
          `${nameOf(probe)} serves the leaf without its chain: clients that do not know the intermediate will refuse it.`,
      ),
    ...probes
      .filter(({ ok, chain }) => ok && chain === 'incomplete')
      .map(
        (probe) =>
          `${nameOf(probe)} serves the leaf with a part of its chain: clients that do not know the rest may refuse it.`,
      ),
  ]
}

/** In words, on how many of the probes the new leaf was seen. */
export function proofOf(probes: readonly ProbeOutcome[]): string {
  const seen = probes.filter(({ ok }) => ok).length
  if (seen === 0) return 'Deployed, but unproven: no listener showed the new leaf, as none showed one before.'
  const silent = probes.length - seen
  const rest = silent === 0 ? '' : ` The other ${silent === 1 ? 'one fails' : `${silent} fail`} as before.`
  return `Deployed, and seen on ${seen} of ${probes.length} probes.${rest}`
}

/** SHA-256 of the chain that has to be served with the leaf: a root may be left out. Null: no chain was given. */
export function chainToServe({ chain }: Material): readonly string[] | null {
  if (chain.length === 0) return null
  return chain.filter(({ subject, issuer }) => subject !== issuer).map(({ sha256 }) => sha256)
}

/** The probe, for a person. */
export function nameOf({ protocol, address, servername }: ProbeOutcome): string {
  return servername === null ? `${protocol} ${address}` : `${protocol} ${address} (${servername})`
}
