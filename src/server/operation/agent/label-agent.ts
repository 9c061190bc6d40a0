import { nearest } from '../../../error/nearest.ts'
import { type Label, type Labels, mostLabels } from '../../store/label-store.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { agentNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'

/** What is to be other with the labels of an agent; the others stay. */
export interface LabelChange {
  readonly set: Labels
  /** Names. */
  readonly remove: readonly string[]
}

/** An agent's labels, by its id or name. */
export async function showLabels({ store }: Pick<Parts, 'store'>, agent: string): Promise<AgentLabels> {
  const { id } = await agentNamed(store, agent)
  return { agentId: id, labels: await store.labels.of(id) }
}

interface AgentLabels {
  readonly agentId: string
  readonly labels: Labels
}

/** Sets labels of an agent and removes some; returns what it has then. Nothing of a change that is refused is done. */
export function labelAgent(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  agent: string,
  { set, remove }: LabelChange,
): Promise<AgentLabels> {
  return store.transaction(async (inside) => {
    const { id } = await agentNamed(inside, agent)
    await inside.labels.lock(id)
    for (const name of remove) if (!(await inside.labels.remove(id, name))) throw await noSuch(inside, id, name)
    for (const [name, value] of Object.entries(set)) await inside.labels.set(id, { name, value })
    const labels = await inside.labels.of(id)
    if (Object.keys(labels).length > mostLabels)
      throw new Refusal('conflict', `an agent has ${mostLabels} labels at most: remove one first (name-)`)
    await inside.windows.endTimes({ agentId: id }, await inside.now())
    await audit(inside, actor, 'agent.label', id, { set, remove })
    return { agentId: id, labels }
  })
}

/** Refuses a label that no agent has, with the nearest one: a typo is no empty list. */
export async function requireLabels(store: Store, labels: readonly Label[]): Promise<void> {
  for (const label of labels) {
    if (await store.labels.isThere(label)) continue
    const known = (await store.labels.known()).map(({ name, value }) => `${name}=${value}`)
    const meant = nearest(`${label.name}=${label.value}`, known)
    const hint = meant === null ? '' : `; is ${meant} meant?`
    throw new Refusal('missing', `no agent has the label ${label.name}=${label.value}${hint}`)
  }
}

async function noSuch(store: Store, agentId: string, name: string): Promise<Refusal> {
  const meant = nearest(name, Object.keys(await store.labels.of(agentId)))
  return new Refusal(
    'missing',
    `the agent has no label of this name: ${name}${meant === null ? '' : `; is ${meant} meant?`}`,
  )
}
