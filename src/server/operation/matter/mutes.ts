import type { Matter, MatterKind } from '../../../notice/matter.ts'
import { isMutedBy, type Mute, mostMutes } from '../../../notice/mute.ts'
import { type Actor, audit } from '../audit.ts'
import { agentNamed, targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { newId } from '../secret.ts'

/** What is to be muted; what is left out does not matter, and one thing at least is given. */
export interface WantedMute {
  readonly matter?: string | undefined
  readonly kind?: MatterKind | undefined
  readonly agent?: string | undefined
  readonly target?: string | undefined
  readonly forS: number
}

/** A matter, and whether it is muted. */
export interface ShownMatter extends Matter {
  readonly isMuted: boolean
}

/** What is the matter, the newest first; with `isOver` what was, too. */
export async function listMatters({ store }: Pick<Parts, 'store'>, isOver: boolean): Promise<readonly ShownMatter[]> {
  const now = await store.now()
  const isMuted = isMutedBy(await store.mutes.list(now), now)
  const all = await store.matters.all()
  return all
    .filter(({ overAt }) => isOver || overAt === null)
    .map((matter) => ({ ...matter, isMuted: isMuted(matter) }))
    .toSorted((one, other) => other.openedAt - one.openedAt)
}

/** Nothing is told of these for a while. Returns the mute. */
export async function addMute({ store }: Pick<Parts, 'store'>, actor: Actor, wanted: WantedMute): Promise<Mute> {
  return store.transaction(async (inside) => {
    const now = await inside.now()
    if ((await inside.mutes.list(now)).length >= mostMutes)
      throw new Refusal('conflict', `there are ${mostMutes} mutes already: end one with waxseal control-plane unmute`)
    const { matter = null, kind = null, forS } = wanted
    if (matter !== null && !(await inside.matters.all()).some(({ id }) => id === matter))
      throw new Refusal('missing', 'there is no such matter: waxseal control-plane matters lists them')
    const agent = wanted.agent === undefined ? null : (await agentNamed(inside, wanted.agent)).name
    const target = wanted.target === undefined ? null : (await targetNamed(inside, wanted.target)).name
    if (matter === null && kind === null && agent === null && target === null)
      throw new Refusal('invalid', 'name what is to be muted: a matter, a kind, an agent or a target')
    const mute = { id: newId('mute'), matterId: matter, kind, agent, target, until: now + forS * 1000 }
    const row = { ...mute, createdAt: now, createdBy: actor }
    await inside.mutes.add(row)
    await audit(inside, actor, 'mute.add', mute.id, { matter, kind, agent, target, for_s: forS })
    return row
  })
}

/** What it muted is told again. */
export async function endMute({ store }: Pick<Parts, 'store'>, actor: Actor, id: string): Promise<void> {
  await store.transaction(async (inside) => {
    if (!(await inside.mutes.end(id)))
      throw new Refusal('missing', 'there is no such mute: waxseal control-plane mutes lists them')
    await audit(inside, actor, 'mute.end', id)
  })
}
