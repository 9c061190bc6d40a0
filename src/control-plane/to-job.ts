import { type ChallengeJob, type Job, jobSchemaOf, type TakeBackJob, type UnsupportedJob } from '../documents/job.ts'
import { limits } from '../limit/limits.ts'
import { type CarriedOrder, longestIssuers, type SignedOrder, signedOrderSchema } from '../order/signed-order.ts'
import { inWords } from '../schema/in-words.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { keyWishOf, unknownKeyType } from './key-wish.ts'
import { challengeSchema, type WorkItem, workItemSchema } from './wire.ts'

/** An item of the work answer that has not the form of a job. */
export interface MalformedItem {
  /** Null: it has not even an id to answer to. */
  readonly id: string | null
  readonly reason: string
}

const validate = schemaCheck<WorkItem>(workItemSchema)

/** What the deployer takes: one job that it does not would hold up all that came with it. */
const isJob = schemaCheck<Job>(jobSchemaOf(true))

const isSigned = schemaCheck<SignedOrder & { readonly issuers?: unknown }>({
  ...signedOrderSchema,
  additionalProperties: true,
})

/** A job of the domain, or why the item is none. */
export function toJob(item: unknown): Job | MalformedItem {
  const job = read(item)
  if (!('kind' in job) || isJob(job)) return job
  const [error] = (isJob.errors ?? []).filter(({ keyword }) => keyword !== 'if')
  return {
    id: idOf(item),
    reason: error === undefined ? 'it is not valid' : `${error.instancePath} ${inWords(error)}`.trim(),
  }
}

function read(item: unknown): Job | MalformedItem {
  if (!validate(item)) {
    const [error] = validate.errors ?? []
    return { id: idOf(item), reason: `${error?.instancePath ?? ''} ${error?.message ?? 'is not valid'}`.trim() }
  }
  if (!isSegment(item.id) || !isSegment(item.certificate_id))
    return { id: idOf(item), reason: `${isSegment(item.id) ? '/certificate_id' : '/id'} cannot stand in a URL` }
  const base = { id: item.id, certificateId: item.certificate_id }
  const ofTarget = { ...named(item), ...deadlineOf(item) }
  if (item.status === 'AwaitingCSR') {
    const wish = keyWishOf(item)
    if (wish === null) return { ...base, kind: 'unsupported', type: item.type, reason: unknownKeyType(item) }
    const names = { commonName: item.common_name ?? '', sans: item.sans ?? [] }
    return { ...base, ...ordered(item), ...wish, kind: 'issuance', ...names }
  }
  if (item.type === 'Validation' && typeof item.target_id === 'string' && item.target_id !== '')
    return { ...base, ...ofTarget, kind: 'validation', targetId: item.target_id }
  if (item.type === 'TakeBack') return { ...base, ...takeBack(item, { ...ofTarget, ...ordered(item) }) }
  if (item.type === 'Challenge') return { ...base, ...challenge(item) }
  if (item.type !== 'Deployment')
    return { ...base, kind: 'unsupported', type: item.type, reason: `status ${item.status ?? 'unknown'}` }
  if (typeof item.target_type !== 'string' || item.target_type === '')
    return { id: item.id, reason: 'target_type is missing' }
  return {
    ...base,
    ...ofTarget,
    ...ordered(item),
    kind: 'deployment',
    targetId: typeof item.target_id === 'string' && item.target_id !== '' ? item.target_id : item.id,
    ...(typeof item.instance === 'string' && item.instance !== '' ? { instance: item.instance } : {}),
    targetType: item.target_type,
    targetConfig: item.target_config ?? {},
  }
}

/** The pair is named, so that a job that is done twice does the same twice. */
function takeBack(
  item: WorkItem,
  ofTarget: Pick<TakeBackJob, 'targetName' | 'deadline' | 'order'>,
): WithoutIds<TakeBackJob> | WithoutIds<UnsupportedJob> {
  const { target_id, generation, expected_fingerprint } = item
  const leaf = typeof expected_fingerprint === 'string' ? expected_fingerprint.toLowerCase() : ''
  const isNumbered = typeof generation === 'number' && Number.isSafeInteger(generation) && generation >= 1
  const isValid = leaf === '' ? isNumbered : /^[0-9a-f]{64}$/.test(leaf)
  if (typeof target_id !== 'string' || target_id === '' || !isValid) {
    const reason = 'a TakeBack names target_id, and generation or expected_fingerprint (64 hexadecimal digits)'
    return { kind: 'unsupported', type: 'TakeBack', code: 'JOB_MALFORMED', reason }
  }
  return {
    ...ofTarget,
    kind: 'take-back',
    targetId: target_id,
    ...(leaf === '' ? {} : { leaf }),
    ...(isNumbered ? { generation } : {}),
  }
}

interface WrittenChallenge {
  readonly name: string
  readonly token: string
  readonly key_authorization: string
  readonly lifetime_s?: number | null
}

const isChallenge = schemaCheck<WrittenChallenge>(challengeSchema)
/** Where the server does not say it. */
const usualLifeS = 3600

function challenge(item: WorkItem): WithoutIds<ChallengeJob> | WithoutIds<UnsupportedJob> {
  if (!isChallenge(item.challenge)) {
    const reason = 'a Challenge has challenge: {name, token, key_authorization}'
    return { kind: 'unsupported', type: 'Challenge', code: 'JOB_MALFORMED', reason }
  }
  const { name, token, key_authorization: keyAuthorization, lifetime_s } = item.challenge
  const lifetimeMs = Math.ceil((lifetime_s ?? usualLifeS) * 1000)
  return { ...ordered(item), kind: 'challenge', name, token, keyAuthorization, lifetimeMs }
}

type WithoutIds<Kind extends Job> = Omit<Kind, 'id' | 'certificateId'>

/** The call was the claim: what is not taken is answered, or the control plane would wait for it. */
export function beyond(item: unknown): MalformedItem {
  const { most } = limits.jobsPerPoll
  return { id: idOf(item), reason: `more than ${most} jobs came at once (limit: jobsPerPoll)` }
}

/** What is none is left out: a host that wants one says so, and to any other it is nothing. */
function ordered({ order }: WorkItem): { readonly order?: CarriedOrder } {
  if (!isSigned(order)) return {}
  const { document, signature, key, issuers } = order
  const isText = typeof issuers === 'string' && issuers.length <= longestIssuers
  return { order: { document, signature, key, ...(isText ? { issuers } : {}) } }
}

function named({ target_name }: WorkItem): { readonly targetName?: string } {
  const targetName = target_name?.trim() ?? ''
  return targetName === '' ? {} : { targetName }
}

/** Of a job that was leased (protocol §4): another server may mean other things by it. A time that cannot be read is none. */
function deadlineOf({ deadline, lease_s }: WorkItem): { readonly deadline?: number } {
  if (typeof lease_s !== 'number') return {}
  const isTime = typeof deadline === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(deadline)
  const at = isTime ? Date.parse(deadline) : Number.NaN
  return at >= 0 ? { deadline: at } : {}
}

function idOf(item: unknown): string | null {
  const id = typeof item === 'object' && item !== null && 'id' in item ? item.id : null
  return typeof id === 'string' && id !== '' && id.length <= 256 && isSegment(id) ? id : null
}

/** Whether a URL can carry it: a dot segment is resolved away even when it is escaped, half a surrogate pair cannot be. */
function isSegment(id: string): boolean {
  return id !== '.' && id !== '..' && id.isWellFormed() && !/\p{Cc}/u.test(id)
}
