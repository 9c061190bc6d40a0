import { isRefusedConnection, type Sighting } from '../../outcome/sighting.ts'
import type { Probe } from '../../plan/plan.ts'
import { type Look, probeOnce } from '../../verify/probe-once.ts'
import { digestOf, isChained } from '../../verify/served-chain.ts'
import type { SharedLooks } from '../../verify/shared-looks.ts'
import { leafOf } from '../propose/live-leaf.ts'
import type { Member } from './transaction.ts'

/** How one target was before anything was touched. */
export interface Served {
  /** The probes that there is somebody to answer. */
  readonly probes: readonly Probe[]
  /**
   * For each probe the leaves that prove a rollback: what the socket served, or what the old files hold (the daemon may
   * not have loaded those yet). Empty where nothing was served: there is no state to come back to.
   */
  readonly oldLeaves: readonly (readonly string[])[]
  /** For each probe what it saw: what it sees later is judged by it. */
  readonly before: readonly Sighting[]
}

interface Seen {
  readonly probe: Probe
  readonly look: Look
}

/** One look by each probe of a target. Warns of those that can prove nothing. */
export async function lookBefore({ proposal, draft, isLive }: Member, shared: SharedLooks): Promise<Served> {
  const { plan, changes, material } = proposal
  const looks = await Promise.all(
    plan.probes.map(async (probe) => ({ probe, look: await shared.inTurn(probe, () => probeOnce(probe)) })),
  )
  const asked = looks.filter((one) => !isSilentSibling(one, looks))
  const onDisk = changes.files.flatMap(leafOf).map(({ sha256 }) => sha256)
  draft.warnings = [
    ...draft.warnings,
    ...looks.filter((one) => !asked.includes(one)).map(({ probe }) => silent(probe)),
    ...asked
      .filter(({ look }) => !isLive && look.leaf?.sha256 === material.leaf.sha256)
      .map(({ probe }) => early(probe)),
  ]
  return {
    probes: asked.map(({ probe }) => probe),
    oldLeaves: asked.map(({ look }) => (look.leaf === null ? [] : [...new Set([look.leaf.sha256, ...onDisk])])),
    before: asked.map(({ look }) => sightingOf(look)),
  }
}

function sightingOf({ leaf, certificates, failure }: Look): Sighting {
  const chain = certificates.slice(1).map(digestOf)
  return { leaf: leaf?.sha256 ?? null, chain, isChained: isChained(certificates), failure }
}

function silent({ host, port, name }: Probe): string {
  return `Nobody listens at ${host} port ${port}, an address of ${name}: it is not verified.`
}

function early({ protocol, host, port }: Probe): string {
  return `${protocol} ${host} port ${port} served the new leaf before it was activated: that it does so now proves nothing about these files.`
}

/** A name may have an address that the daemon does not listen on, `localhost` above all: another of its addresses answers. */
function isSilentSibling({ probe: { name, port }, look: { error } }: Seen, all: readonly Seen[]): boolean {
  if (name === undefined || !isRefusedConnection(error)) return false
  return all.some(({ probe, look }) => probe.name === name && probe.port === port && look.leaf !== null)
}
