import { asOwner } from '../../dane/tlsa.ts'
import type { CertificateRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'

const mostNames = 20

/** Has the TLSA records of a target kept right from now on, at these owner names; none: as its certificates say. Returns them. */
export function turnRolloverOn(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  target: string,
  records: readonly string[],
): Promise<{ readonly targetId: string; readonly names: readonly string[] }> {
  return store.transaction(async (inside) => {
    const { id: targetId } = await targetNamed(inside, target)
    const names = records.length === 0 ? await namesFor(inside, targetId) : ownersIn(records)
    const at = await inside.now()
    await inside.rollovers.add({ targetId, turnedOnAt: at, turnedOnBy: actor, nextLookAt: at })
    await inside.rollovers.lock(targetId)
    const there = (await inside.rollovers.names(targetId)).map(({ name }) => name)
    for (const name of there) if (!names.includes(name)) await inside.rollovers.removeName(targetId, name)
    for (const name of names)
      if (!there.includes(name))
        await inside.rollovers.putName({
          targetId,
          name,
          endName: null,
          lookedAt: null,
          ttlMs: 0,
          cachedUntil: 0,
          seen: [],
          isByHand: false,
          problem: null,
        })
    // Another name is not known to be right.
    await inside.rollovers.putPasses(targetId, [])
    await inside.rollovers.hasten(targetId, at)
    await audit(inside, actor, 'dane.rollover', targetId, { names })
    return { targetId, names }
  })
}

/** Leaves the records as they are, to people. */
export function turnRolloverOff({ store }: Pick<Parts, 'store'>, actor: Actor, target: string): Promise<string> {
  return store.transaction(async (inside) => {
    const { id } = await targetNamed(inside, target)
    if (!(await inside.rollovers.remove(id))) throw new Refusal('conflict', 'roll-over is not on for this target')
    await audit(inside, actor, 'dane.off', id)
    return id
  })
}

function ownersIn(records: readonly string[]): readonly string[] {
  const names = records.map((text) => {
    const name = asOwner(text)
    if (name !== null) return name
    throw new Refusal('invalid', `this is no name of TLSA records: ${text}; write _25._tcp.mx.example.org`)
  })
  if (names.length > mostNames) throw new Refusal('invalid', `a target has at most ${mostNames} names of records`)
  return [...new Set(names)]
}

/** The one name that its certificates have; where there are more only people know which of them is in an MX record. */
async function namesFor(store: Store, targetId: string): Promise<readonly string[]> {
  const names = new Set<string>()
  for (const id of await store.rollovers.certificatesOf(targetId)) {
    const certificate = await store.certificates.byId(id)
    for (const name of certificate === null ? [] : hostsOf(certificate)) names.add(`_25._tcp.${name}`)
  }
  const owners = [...names].flatMap((name) => asOwner(name) ?? [])
  if (owners.length === 1) return owners
  const hint =
    owners.length === 0
      ? 'its certificates have no name of a host'
      : `one or more of: ${owners.slice(0, mostNames).join(' ')}`
  throw new Refusal('invalid', `say at which names its records are, with --record; ${hint}`)
}

function hostsOf({ commonName, sans }: CertificateRow): readonly string[] {
  return [commonName, ...sans].map((name) => name.toLowerCase())
}
