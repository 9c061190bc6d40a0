import { failureOf, runInOrder } from '../apply/run-step.ts'
import type { Probe } from '../plan/plan.ts'
import { type Look, probeOnce } from '../verify/probe-once.ts'
import type { Engine } from './engine.ts'
import { leafOf } from './live-leaf.ts'
import type { OutcomeDraft } from './outcome-draft.ts'
import type { Proposal } from './propose.ts'

/** How the host was before anything was touched. */
export interface Before {
  /** The daemon's own check failed: remembered, not decisive, for a first deployment may be what mends it. */
  readonly isBroken: boolean
  /** The probes that there is somebody to answer. */
  readonly probes: readonly Probe[]
  /**
   * For each probe the leaves that prove a rollback: what the socket served, or what the old files hold (the daemon may
   * not have loaded those yet). Empty where nothing was served: there is no state to come back to.
   */
  readonly oldLeaves: readonly (readonly string[])[]
}

/** Asks the daemon's own check, and every probe. */
export async function preflight({ plan, changes }: Proposal, engine: Engine, draft: OutcomeDraft): Promise<Before> {
  return draft.run('preflight', async (commands) => {
    if (plan.check !== null) commands.push(...(await runInOrder([plan.check], engine.timeouts.checkMs)))
    const looks = await Promise.all(plan.probes.map(async (probe) => ({ probe, look: await probeOnce(probe) })))
    const asked = looks.filter(({ probe, look }) => !isSilentSibling(probe, look, looks))
    draft.warnings = [
      ...draft.warnings,
      ...looks
        .filter((one) => !asked.includes(one))
        .map(
          ({ probe }) =>
            `Nobody listens at ${probe.host} port ${probe.port}, an address of ${probe.name}: it is not verified.`,
        ),
    ]
    const onDisk = changes.files.flatMap(leafOf).map(({ sha256 }) => sha256)
    return {
      isBroken: failureOf(commands, 'CHECK_FAILED') !== null,
      probes: asked.map(({ probe }) => probe),
      oldLeaves: asked.map(({ look }) => (look.leaf === null ? [] : [...new Set([look.leaf.sha256, ...onDisk])])),
    }
  })
}

/** A name may have an address that the daemon does not listen on, `localhost` above all: another of its addresses answers. */
function isSilentSibling(
  { name, port }: Probe,
  { error }: Look,
  all: readonly { readonly probe: Probe; readonly look: Look }[],
): boolean {
  if (name === undefined || !/^connect: .*ECONNREFUSED/.test(error ?? '')) return false
  return all.some(({ probe, look }) => probe.name === name && probe.port === port && look.leaf !== null)
}
