import { dnsValueOf, keyAuthorizationOf } from '../../../acme/acme-key.ts'
import type { AcmeAuthorization, AcmeChallenge, AcmeOrder } from '../../../acme/answers.ts'
import { unusable } from '../../../acme/problem.ts'
import { WaxsealError } from '../../../error/waxseal-error.ts'
import type { AcmeOrderRow, AcmeOrderStore, AcmeProof } from '../../store/acme-order-store.ts'
import type { SigningRequest } from '../issuer.ts'
import type { AcmeAccount } from './acme-account.ts'
import { type FailedName, failOrder } from './fail-order.ts'
import type { Solver } from './solver.ts'

/** Who proves, and where it is kept. */
export interface ProvingParts extends AcmeAccount {
  readonly orders: AcmeOrderStore
  readonly solvers: readonly Solver[]
  /** Why the CA would not find what a host answers at port 80, in sentences; null: nothing speaks against it. */
  readonly lookFirst: (proof: AcmeProof) => Promise<string | null>
  /** Milliseconds since 1970. */
  readonly now: () => Promise<number>
}

/** What there is to be waited for; `names`: all names are proven, as far as we know. */
export interface Proving {
  readonly pauseMs: number
  readonly reason: string
}

/** What is published and not seen everywhere after this time will not be. */
const longestUnseenMs = 3_600_000
/** Names whose addresses are asked at once: those of the longest order are done while the order is this server's. */
const lookedAtOnce = 16
/** Where the CA does not say when to look again: at first, and when it has not looked for long. */
const [lookAgainMs, longestLookAgainMs] = [2000, 60_000]
/** A CA that could not look is told again after this time, then after twice of it, and so on (RFC 8555 §8.2). */
const firstAgainMs = 30_000
const notFound = { type: 'unknown', detail: 'the CA has not found the proof of the names' } as const
/** Authorizations that are read at once. */
const readAtOnce = 8
/** For all of them: what is left of the time for which the order is this server's is for the proofs. */
const longestReadMs = 60_000

/**
 * Goes on with the proofs of an order that is pending: chooses, publishes, looks whether the world sees it, and has the CA look. Before
 * each act that leaves something behind the row says so. Null: there is nothing left to do or to wait for.
 */
export async function proveNames(
  parts: ProvingParts,
  row: AcmeOrderRow,
  order: AcmeOrder,
  request: SigningRequest,
): Promise<Proving | null> {
  const pending = (await readAll(parts, row, order)).filter(({ status }) => status === 'pending')
  if (pending.length === 0) return null
  const proofs: AcmeProof[] = []
  for (const authorization of pending) proofs.push(await proofOf(parts, row, authorization, request))
  const at = await parts.now()
  const failed = proofs.flatMap((proof) => failureOf(proof, challengeOf(proof, pending), at))
  if (failed.length > 0) return failOrder(parts.orders, row, at, { failed, problem: notFound })
  const again = proofs.map((proof) => (tellAgainAt(proof, pending) > at ? proof : { ...proof, answeredAt: null }))
  const published = await publish(parts, row, again, request)
  return answer(parts, row, published, pending)
}

/** ACME_UNREACHABLE: there are more than names, or they take too long. */
async function readAll(
  { client, now }: ProvingParts,
  row: AcmeOrderRow,
  { authorizations }: AcmeOrder,
): Promise<readonly AcmeAuthorization[]> {
  const names = row.names.split(' ')
  if (authorizations.length > names.length) throw unusable('it asks for the proof of more names than were ordered')
  const until = (await now()) + longestReadMs
  const read: AcmeAuthorization[] = []
  for (const part of chunks(authorizations, readAtOnce)) {
    if ((await now()) > until) throw unusable('it takes too long to say which names are proven')
    read.push(...(await Promise.all(part.map((url) => client.authorization(url, names)))))
  }
  return read
}

function challengeOf({ challenge }: AcmeProof, pending: readonly AcmeAuthorization[]): AcmeChallenge | undefined {
  return pending.flatMap(({ challenges }) => challenges).find(({ url }) => url === challenge)
}

/** Some CAs leave the name pending where the proof has failed, or could not be looked for. */
function failureOf(proof: AcmeProof, challenge: AcmeChallenge | undefined, at: number): readonly FailedName[] {
  const { name, answeredAt, publishedAt } = proof
  if (answeredAt === null || challenge === undefined) return []
  const isVain = challenge.problem !== null && at - (publishedAt ?? at) > longestUnseenMs
  return challenge.status === 'invalid' || isVain ? [{ name, problem: challenge.problem }] : []
}

/** When a CA that could not look is told again that the proof is there, in milliseconds since 1970: later each time. */
function tellAgainAt(proof: AcmeProof, pending: readonly AcmeAuthorization[]): number {
  const { answeredAt, publishedAt } = proof
  if (answeredAt === null || !challengeOf(proof, pending)?.problem) return Number.POSITIVE_INFINITY
  return answeredAt + Math.max(firstAgainMs, answeredAt - (publishedAt ?? answeredAt))
}

/** The one that was begun, or a new one by the first way that can be gone. */
async function proofOf(
  { solvers, key }: ProvingParts,
  { proofs }: AcmeOrderRow,
  { name, isWildcard, challenges }: AcmeAuthorization,
  request: SigningRequest,
): Promise<AcmeProof> {
  const begun = proofs.find((proof) => challenges.some(({ url }) => url === proof.challenge))
  if (begun !== undefined) return begun
  for (const solver of solvers) {
    const challenge = challenges.find(({ type }) => type === `${solver.kind}-01`)
    const place = challenge === undefined ? null : await solver.placeFor(name, isWildcard, request)
    if (challenge === undefined || place === null) continue
    const value = valueOf(solver.kind, challenge)
    const open = { publishedAt: null, answeredAt: null, isRemoved: false }
    const { url, token } = challenge
    return { name, isWildcard, kind: solver.kind, challenge: url, token, value, place, ...open }
  }
  throw impossible(name)

  function valueOf(kind: Solver['kind'], { token }: AcmeChallenge): string {
    return kind === 'dns' ? dnsValueOf(key.jwk, token) : keyAuthorizationOf(key.jwk, token)
  }
}

/** PROOF_IMPOSSIBLE: neither a zone nor a host is there for it. */
export function impossible(name: string): WaxsealError {
  return new WaxsealError('PROOF_IMPOSSIBLE', {
    name,
    reason: 'no zone of dns in the configuration fits it, and no host answers challenges for it',
  })
}

async function publish(
  { orders, solvers, now }: ProvingParts,
  { id, proofs: known }: AcmeOrderRow,
  proofs: readonly AcmeProof[],
  request: SigningRequest,
): Promise<readonly AcmeProof[]> {
  const left = proofs.filter(({ publishedAt }) => publishedAt === null)
  if (left.length === 0) return proofs
  // From here on it may be there: whoever comes later removes it.
  await orders.save(id, { proofs: merged(known, proofs), tidyAt: await now() })
  let all = proofs
  for (const solver of solvers) {
    const own = left.filter(({ kind }) => kind === solver.kind)
    if (own.length === 0) continue
    const there = await solver.publish(own, request)
    const at = await now()
    all = merged(
      all,
      there.map((proof) => ({ ...proof, publishedAt: at })),
    )
    await orders.save(id, { proofs: merged(known, all) })
  }
  return all
}

async function answer(
  { client, orders, solvers, lookFirst, now }: ProvingParts,
  { id, proofs: known }: AcmeOrderRow,
  proofs: readonly AcmeProof[],
  pending: readonly AcmeAuthorization[],
): Promise<Proving> {
  const at = await now()
  const unseen: { readonly proof: AcmeProof; readonly why: string }[] = []
  const there: AcmeProof[] = []
  let all = proofs
  for (const proof of proofs) {
    if (proof.answeredAt !== null) continue
    const why = await solvers
      .find(({ kind }) => kind === proof.kind)
      ?.whyNotSeen(proof, at)
      .catch(async (error: unknown) => {
        // What will never be seen so is published once more by the next try.
        await orders.save(id, { proofs: merged(known, merged(all, [{ ...proof, publishedAt: null }])) })
        throw error
      })
    if (why != null) unseen.push({ proof, why })
    else there.push(proof)
  }
  for (const part of chunks(there, lookedAtOnce)) {
    const looked = await Promise.all(
      part.map(async (proof) => ({ proof, why: proof.kind === 'http' ? await lookFirst(proof) : null })),
    )
    for (const { proof, why } of looked) {
      if (why !== null) unseen.push({ proof, why })
      else {
        await client.answer(proof.challenge)
        all = merged(all, [{ ...proof, answeredAt: at }])
        await orders.save(id, { proofs: merged(known, all) })
      }
    }
  }
  const [first] = unseen
  if (first === undefined) return looking(all, pending, at)
  const since = at - (first.proof.publishedAt ?? at)
  if (since > longestUnseenMs) {
    // What got lost is published once more by the next try.
    const again = unseen.map(({ proof }) => ({ ...proof, publishedAt: null }))
    await orders.save(id, { proofs: merged(known, merged(all, again)) })
    throw new WaxsealError('PROOF_UNSEEN', { name: first.proof.name, place: first.proof.place, reason: first.why })
  }
  return {
    pauseMs: Math.min(60_000, Math.max(2000, since / 5)),
    reason: `the CA is not yet told to look: ${first.why}`,
  }
}

/** The CA is to look, or it could not. */
function looking(proofs: readonly AcmeProof[], pending: readonly AcmeAuthorization[], at: number): Proving {
  const said = Math.max(0, ...pending.map(({ retryAfterMs }) => retryAfterMs ?? 0))
  const againAt = Math.min(...proofs.map((proof) => tellAgainAt(proof, pending)))
  if (againAt < Number.POSITIVE_INFINITY) {
    const [problem] = proofs.flatMap((proof) => challengeOf(proof, pending)?.problem ?? [])
    const why = `the CA could not look for the proof: ${problem?.type}: ${problem?.detail}`
    return { pauseMs: Math.max(said, againAt - at, lookAgainMs), reason: why }
  }
  const since = at - Math.min(...proofs.map(({ answeredAt }) => answeredAt ?? at))
  const usual = Math.min(longestLookAgainMs, Math.max(lookAgainMs, since / 5))
  return { pauseMs: said > 0 ? said : usual, reason: 'the CA looks for the proof of the names' }
}

function chunks<T>(all: readonly T[], length: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / length) }, (_, index) =>
    all.slice(index * length, (index + 1) * length),
  )
}

/** Those of `before`, with `after` in the places of the same, and the rest of it behind. */
function merged(before: readonly AcmeProof[], after: readonly AcmeProof[]): readonly AcmeProof[] {
  const isIn = (list: readonly AcmeProof[], { challenge }: AcmeProof): AcmeProof | undefined =>
    list.find((one) => one.challenge === challenge)
  return [...before.map((one) => isIn(after, one) ?? one), ...after.filter((one) => isIn(before, one) === undefined)]
}
