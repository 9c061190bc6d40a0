import type { OnHostRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { isNewerOnHost, newerOnHost } from '../renewal/newer-on-host.ts'

/** So long after the first question an agent that has not answered all of them is issued what is due: plain agents answer none. */
export const answerMs = 15 * 60_000
const mostAtOnce = 100
const openEnough = 1000

/** Goes on with agents that have said what their hosts have, and with those that have not in time. Returns their ids. */
export function releaseAgents(store: Store): Promise<readonly string[]> {
  return store.transaction(async (inside) => {
    const now = await inside.now()
    const over = await inside.holds.over(now - answerMs, mostAtOnce)
    const released: string[] = []
    for (const { agentId } of over) if (await release(inside, agentId)) released.push(agentId)
    return released
  })
}

/** False: another server was first. */
async function release(store: Store, agentId: string): Promise<boolean> {
  const isAnswered = await store.holds.isAnswered(agentId)
  if (!(await store.holds.remove(agentId))) return false
  for (const id of await store.certificates.ofAgent(agentId)) await planAnew(store, id)
  await audit(store, 'server', 'agent.release', agentId, { isAnswered })
  return true
}

/** Takes the end of a validation, where its agent is asked first; with the last one it goes on. Call it in the transaction that noted the end. */
export async function hearAnswer(store: Store, agentId: string, answer: OnTarget): Promise<void> {
  if ((await store.holds.of(agentId)) === null) return
  await takeFact(store, answer)
  if (await store.holds.isAnswered(agentId)) await release(store, agentId)
}

/** What the host has beyond this database stays in place: nothing older follows it, and it is told. */
async function planAnew(store: Store, certificateId: string): Promise<void> {
  const certificate = await store.certificates.lock(certificateId)
  if (certificate === null) return
  const version = await store.versions.newest(certificateId)
  const newer = await newerOnHost(store, certificateId, version)
  const now = await store.now()
  const isMixed = newer.seen.length > 0 && !newer.isEverywhere
  const nextRenewalAt = isMixed ? now : certificate.nextRenewalAt
  await store.certificates.plan(certificateId, { nextRenewalAt, lastError: told(newer) })
  for (const { targetId } of newer.seen)
    for (const job of await store.jobs.ofTarget(targetId, ['Deployment'], false, openEnough))
      if (job.certificateId === certificateId)
        await store.jobs.move(job.id, ['Pending'], 'Cancelled', now, 'the host has a newer certificate')
  const last = await store.jobs.lastIssuance(certificateId)
  if (newer.isEverywhere && last !== null && certificate.revokedAt === null)
    await store.jobs.move(last.id, ['AwaitingCSR'], 'Cancelled', now, 'the host has a newer certificate')
}

function told({ seen }: { readonly seen: readonly OnHostRow[] }): string | null {
  const [first] = seen
  if (first === undefined) return null
  const end = new Date(first.notAfter).toISOString()
  return `its host has a newer certificate than this database: SHA-256 ${first.fingerprint}, until ${end}`
}

/** What an agent that is asked first says of a target. */
export interface OnTarget {
  readonly certificateId: string
  readonly targetId: string
  readonly outcome: object | null
}

const dayMs = 86_400_000
const longestLifeMs = 400 * dayMs
const digest = /^[0-9a-f]{64}$/

/** Takes what is on a target as a fact, where the database does not know it and it is newer than all that it knows. */
async function takeFact(store: Store, { certificateId, targetId, outcome }: OnTarget): Promise<void> {
  const told = certificateIn(outcome)
  if (told === null) return
  const known: readonly VersionRow[] = await store.versions.list(certificateId, openEnough)
  if (known.some(({ fingerprint }) => fingerprint === told.fingerprint)) return
  const fact = { ...told, certificateId, targetId, seenAt: await store.now() }
  if (!isNewerOnHost(fact, known[0] ?? null)) return
  await store.holds.see(fact)
  await audit(store, 'server', 'target.newer', targetId, { ...told, certificateId })
}

/** The `certificate` of an outcome (docs/design/protocol.md, 4), if it has the form of one. */
function certificateIn(outcome: object | null): Pick<OnHostRow, 'fingerprint' | 'notBefore' | 'notAfter'> | null {
  if (outcome === null || !('certificate' in outcome)) return null
  const { certificate } = outcome
  if (typeof certificate !== 'object' || certificate === null) return null
  const { sha256, notBefore, notAfter } = certificate as Readonly<Record<string, unknown>>
  const [begins, ends] = [Date.parse(String(notBefore)), Date.parse(String(notAfter))]
  const isOne = typeof sha256 === 'string' && digest.test(sha256) && ends > begins && ends - begins <= longestLifeMs
  return isOne ? { fingerprint: sha256, notBefore: begins, notAfter: ends } : null
}
