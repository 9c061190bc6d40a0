import type { AgentRow, IdentityRow } from '../../store/rows.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { twinMs } from './twin-told.ts'

/** What a heartbeat says of its host (protocol §4). */
export type SaidIdentity = Pick<IdentityRow, 'machine' | 'starts' | 'run'>

/** Longer ago, a machine that comes back was moved there and back. */
const movedLatelyMs = 24 * 3_600_000

/**
 * Notes which host an agent is on, and whether two hosts say that they are it. A host that moves, or is restored from a copy, changes
 * once; two take turns. Returns what is to be told, once a day; null: nothing.
 */
export function noticeTwin(
  { store }: Pick<Parts, 'store'>,
  { id }: AgentRow,
  said: SaidIdentity,
): Promise<string | null> {
  return store.transaction(async (inside) => {
    const [known, now] = [await inside.presence.identity(id), await inside.now()]
    const next = nextIdentity(id, known, said, now)
    if (next === known) return null
    await inside.presence.setIdentity(next, now)
    const isNews = next.twinAt === now && now - (known?.twinAt ?? Number.NEGATIVE_INFINITY) >= twinMs
    if (!isNews || next.twin === null) return null
    await audit(inside, `agent:${id}`, 'agent.twin', id, { reason: next.twin })
    return next.twin
  })
}

/** What is known after a heartbeat; the same where it says nothing new. */
function nextIdentity(agentId: string, known: IdentityRow | null, said: SaidIdentity, now: number): IdentityRow {
  if (known === null) return { agentId, ...said, formerMachine: null, movedAt: null, twin: null, twinAt: null }
  const twin = twinOf(known, said, now)
  const isSame = known.machine === said.machine && known.starts === said.starts && known.run === said.run
  if (twin === null && isSame) return known
  const moved = known.machine === said.machine ? {} : { formerMachine: known.machine, movedAt: now }
  return { ...known, ...said, ...moved, ...(twin === null ? {} : { twin, twinAt: now }) }
}

function twinOf(known: IdentityRow, said: SaidIdentity, now: number): string | null {
  if (known.machine !== said.machine) {
    const isBack = known.formerMachine === said.machine && now - (known.movedAt ?? 0) < movedLatelyMs
    return isBack ? 'two machines have its credential' : null
  }
  if (said.starts < known.starts) return 'a copy of its machine, or an older state of it, has its credential'
  return said.starts === known.starts && said.run !== known.run ? 'a copy of its machine has its credential' : null
}
