import type { IssuanceJob } from '../../documents/job.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { KeyStore } from '../../material/key-store.ts'
import { type PrivateKey, parsePrivateKey } from '../../material/parse-key.ts'
import type { KeyKind } from '../../plan/key-kind.ts'
import { type KeyRequests, requireRoomForKey } from '../work/key-requests.ts'
import { findHeldKey, type HeldKeys } from './held-key.ts'
import { emptyKeyring, type Keyring, type Keyrings, withAsked } from './keyrings.ts'
import { type KeyUsers, keysInUse, makeRoomForKeyring } from './keys-in-use.ts'

/** What choosing a key needs. */
export interface KeyParts extends HeldKeys, KeyUsers {
  readonly keys: KeyStore
  readonly keyRequests: KeyRequests
  readonly keyrings: Keyrings
  /** The kinds that policy allows. */
  readonly newKeys: readonly KeyKind[]
  /** Whether the job has not ended. */
  readonly isOpen: (jobId: string) => boolean
}

/** The key of a job, and the SPKI digest of the one that was made ahead; null: none was asked for, or could be had. */
export interface KeysOfJob {
  readonly key: PrivateKey
  readonly next: string | null
}

/**
 * The key of a job, the same one however often it comes, and the next one where it asks for that. All that names them is durable when this
 * returns (docs/design/state.md, Keys). KEY_TYPE_NOT_ALLOWED: no key was made.
 */
export function keysOfJob(job: IssuanceJob, parts: KeyParts): Promise<KeysOfJob> {
  if (job.keyType !== undefined && !parts.newKeys.includes(job.keyType))
    throw new WaxsealError('KEY_TYPE_NOT_ALLOWED', {
      type: job.keyType,
      allowed: parts.newKeys,
      setting: 'policy.new_keys',
    })
  return parts.keyrings.inTurn(async () => {
    // What cannot be removed now is removed another time.
    await parts.keys.prune(() => keysInUse(parts)).catch(() => {})
    const known = await parts.keyrings.get(job.certificateId)
    if (known === null) await makeRoomForKeyring(parts)
    const ring = known ?? emptyKeyring
    const earlier = await earlierKey(job, ring, parts)
    const key = earlier ?? (await chosenKey(job, ring, parts))
    const isNew = earlier === null
    const asked = await noteAsked(job, key, { ring, isNew }, parts)
    return { key, next: job.nextKey === true ? await nextKey(job, key, { ring: asked, isNew }, parts) : null }
  })
}

/** Each part of it may be all that a crash has left. */
async function earlierKey(
  job: IssuanceJob,
  ring: Keyring,
  { keys, keyRequests }: KeyParts,
): Promise<PrivateKey | null> {
  const request = await keyRequests.get(job.id)
  const spki = request?.spkiSha256 ?? ring.asked.find(({ jobId }) => jobId === job.id)?.spkiSha256
  return spki === undefined ? null : readKey(keys, spki)
}

async function readKey(keys: KeyParts['keys'], spkiSha256: string): Promise<PrivateKey | null> {
  const pem = await keys.find(spkiSha256)
  return pem === null ? null : parsePrivateKey(pem)
}

async function chosenKey(job: IssuanceJob, ring: Keyring, parts: KeyParts): Promise<PrivateKey> {
  await requireRoomForKey(job.certificateId, parts)
  const used = job.key === 'reuse' ? await usedKey(job, ring, parts) : null
  return used ?? (await readyKey(job, ring, parts)) ?? make(kindFor(job, parts), parts)
}

/** The key of now; null: it is nowhere, or of another kind than is wanted. */
async function usedKey(job: IssuanceJob, ring: Keyring, parts: KeyParts): Promise<PrivateKey | null> {
  const spki = job.currentSpki ?? ring.asked[0]?.spkiSha256
  if (spki === undefined) return null
  const isOwn = ring.asked.some(({ spkiSha256 }) => spkiSha256 === spki)
  const key = await findHeldKey(spki, { names: [job.commonName, ...job.sans], isOwn }, parts)
  return key !== null && key.kind !== null && key.kind === (job.keyType ?? key.kind) ? key : null
}

/** The key that was made ahead; null: there is none that fits. After a state directory was put back it may be in use since. */
async function readyKey(job: IssuanceJob, { next, asked }: Keyring, parts: KeyParts): Promise<PrivateKey | null> {
  const isUsed = next === job.currentSpki || asked.some(({ spkiSha256 }) => spkiSha256 === next)
  if (next === null || isUsed) return null
  const key = await readKey(parts.keys, next)
  return key !== null && isWanted(key, job, parts) ? key : null
}

function isWanted({ kind }: PrivateKey, { keyType }: IssuanceJob, { newKeys }: KeyParts): boolean {
  return kind !== null && (keyType === undefined ? newKeys.includes(kind) : kind === keyType)
}

/** Where nothing is said: ECDSA P-256, which every client takes, unless policy has others alone. */
function kindFor({ keyType }: IssuanceJob, { newKeys }: KeyParts): KeyKind {
  return keyType ?? (newKeys.includes('p256') ? 'p256' : (newKeys[0] ?? 'p256'))
}

function make(kind: KeyKind, parts: KeyParts): Promise<PrivateKey> {
  return parts.keys.create(() => keysInUse(parts), kind)
}

/** First the keyring, in one write, then the request: whichever a crash leaves names the key. */
async function noteAsked(
  { id: jobId, certificateId, commonName, sans, keepSpki }: IssuanceJob,
  { spkiSha256 }: PrivateKey,
  { ring, isNew }: { readonly ring: Keyring; readonly isNew: boolean },
  { keyrings, keyRequests }: KeyParts,
): Promise<Keyring> {
  const at = Date.now()
  const isNoted = ring.asked.some((one) => one.jobId === jobId && one.spkiSha256 === spkiSha256)
  const noted = isNoted ? ring : withAsked(ring, { spkiSha256, jobId, at })
  const asked = { ...noted, commonName: commonName || (sans[0] ?? ''), tlsa: keepSpki ?? ring.tlsa }
  if (JSON.stringify(asked) !== JSON.stringify(ring)) await keyrings.put(certificateId, asked)
  if (isNew || (await keyRequests.get(jobId)) === null)
    await keyRequests.put(jobId, { spkiSha256, certificateId, made: at })
  return asked
}

/** Of the kind of the job's key. Null: a limit leaves no room for it, which holds up no certificate. */
async function nextKey(
  job: IssuanceJob,
  { kind }: PrivateKey,
  { ring, isNew }: { readonly ring: Keyring; readonly isNew: boolean },
  parts: KeyParts,
): Promise<string | null> {
  const isLikely = job.keyType === undefined && kind !== null && parts.newKeys.includes(kind)
  const wish = isLikely ? { ...job, keyType: kind } : job
  const ready = await readyKey(wish, ring, parts)
  // One job that comes again and again, each time with another kind, has no key made each time.
  if (ready !== null || (ring.next !== null && !isNew)) return ready?.spkiSha256 ?? ring.next
  try {
    const { spkiSha256: next } = await make(kindFor(wish, parts), parts)
    await parts.keyrings.put(job.certificateId, { ...ring, next })
    return next
  } catch (error) {
    if (error instanceof WaxsealError && error.code === 'LIMIT_EXCEEDED') return null
    throw error
  }
}
