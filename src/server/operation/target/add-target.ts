import { type Actor, audit } from '../audit.ts'
import { agentNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { newId } from '../secret.ts'
import { requireKnownTarget } from './require-known-target.ts'

/** A target as an operator gives it. */
export interface WantedTarget {
  readonly name: string
  /** Id or name. */
  readonly agent: string
  readonly type: string
  readonly config: object
  /** Changes the one of this name, where there is one. */
  readonly isReplacing: boolean
  /** Takes a type and fields that are not known here. */
  readonly isUnchecked: boolean
}

/** Of its configuration, as a host takes it (docs/design/protocol.md, 3). */
const mostBytes = 64 * 1024

/** Adds a target, or changes it; returns its id and whether it is new. */
export async function addTarget(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  { name, agent, type, config, isReplacing, isUnchecked }: WantedTarget,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const { id: agentId } = await agentNamed(store, agent)
  if (Buffer.byteLength(JSON.stringify(config)) > mostBytes)
    throw new Refusal(
      'invalid',
      `the configuration of a target has at most ${mostBytes} bytes: its host refuses a longer one`,
    )
  if (!isUnchecked) await requireKnownTarget(type, config)
  return store.transaction(async (inside) => {
    const id = newId('target')
    if (await inside.targets.add({ id, name, agentId, type, config })) {
      await audit(inside, actor, 'target.add', id, { name, type })
      return { id, isNew: true }
    }
    const there = await inside.targets.named(name)
    if (!isReplacing || there?.name !== name)
      throw new Refusal('conflict', 'a target of this name is there; add-target --replace changes it')
    // Its certificates are renewed by their agent, and have their keys there.
    if (there.agentId !== agentId)
      throw new Refusal('conflict', 'the target of this name is one of another agent: choose another name')
    await inside.targets.change(there.id, type, config)
    await audit(inside, actor, 'target.change', there.id, { type })
    return { id: there.id, isNew: false }
  })
}
