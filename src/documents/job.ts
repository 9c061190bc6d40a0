import { type CarriedOrder, carriedOrderSchema } from '../order/signed-order.ts'
import { type KeyKind, keyKinds } from '../plan/key-kind.ts'
import { oneLine } from '../schema/in-words.ts'
import { keyAuthorizationPattern, tokenPattern } from './challenge.ts'

/** A job as the control plane gave it, parsed and bounded. Ids are strings from outside: never path components. */
export interface JobBase {
  readonly id: string
  readonly certificateId: string
}

/** A job that changes something: what covers it, as it came; missing: nothing came. */
interface Ordered {
  readonly order?: CarriedOrder
}

/** A target as a job names it. */
interface TargetOfJob extends JobBase {
  readonly targetId: string
  /** What the operator calls it, for people alone: nothing is stored or decided by it. Missing: the control plane did not say. */
  readonly targetName?: string
  /** It is not begun after this time: milliseconds since 1970. Missing: it may be at any time. */
  readonly deadline?: number
}

/** Put the newest version of a certificate onto a target. */
export interface DeploymentJob extends TargetOfJob, Ordered {
  readonly kind: 'deployment'
  /** The instance of the daemon that it is for, by a name of the host's; missing: its target says it, or the default one. */
  readonly instance?: string
  /** `Postfix`, `Dovecot`, … as on the wire. */
  readonly targetType: string
  readonly targetConfig: Readonly<Record<string, unknown>>
}

/** Which key a request is to have (protocol §4); what is missing was not said. */
export interface KeyWish {
  /** Missing: as `rotate`. */
  readonly key?: 'rotate' | 'reuse'
  readonly keyType?: KeyKind
  /** Have another one ready, which the next rotation takes. */
  readonly nextKey?: true
  /** SPKI digest of the key of the newest version. */
  readonly currentSpki?: string
  /** SPKI digests of keys that TLSA records name: they stay. */
  readonly keepSpki?: readonly string[]
}

/** Make a certificate signing request, with a key of this host. */
export interface IssuanceJob extends JobBase, Ordered, KeyWish {
  readonly kind: 'issuance'
  readonly commonName: string
  readonly sans: readonly string[]
}

/** Compare a target with what was deployed to it. */
export interface ValidationJob extends TargetOfJob {
  readonly kind: 'validation'
}

/** Deploy a pair once more that was live on a target, from the host's own record. */
export interface TakeBackJob extends TargetOfJob, Ordered {
  readonly kind: 'take-back'
  /** SHA-256 of its leaf, lower-case hex; one of the two is given. Neither counts back from the live pair: a second try goes to the same. */
  readonly leaf?: string
  /** Its number in that record. */
  readonly generation?: number
}

/** Put the answer to a challenge of a CA where the CA finds it: at port 80 of this host (http-01, RFC 8555 §8.3). */
export interface ChallengeJob extends JobBase, Ordered {
  readonly kind: 'challenge'
  /** The name that the CA asks for. */
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
  /** It goes after so many milliseconds. */
  readonly lifetimeMs: number
}

/** Put a certificate onto a target that this host has renewed by itself (policy.acme.own). It comes from no control plane, and by no `take`. */
export interface OwnRenewalJob extends JobBase {
  readonly kind: 'own-renewal'
  readonly targetId: string
  /** SHA-256 of the leaf whose place it takes, hex. */
  readonly replaces: string
  /** Leaf and chain, PEM. */
  readonly certificatePem: string
}

/** A job that this agent does not do, or an item that is none and has an id: it is answered as failed, never dropped. */
export interface UnsupportedJob extends JobBase {
  readonly kind: 'unsupported'
  readonly type: string
  readonly reason: string
  /** Left out: JOB_UNSUPPORTED. */
  readonly code?: 'JOB_MALFORMED'
}

export type Job =
  | DeploymentJob
  | IssuanceJob
  | ValidationJob
  | TakeBackJob
  | ChallengeJob
  | OwnRenewalJob
  | UnsupportedJob

const lineOf = (maxLength: number): object => ({ type: 'string', maxLength, pattern: oneLine })
const idOf = (maxLength: number): object => ({ ...lineOf(maxLength), minLength: 1 })
/** What a job says of itself, in characters. */
const longestReason = 4096
const text = { type: 'string', maxLength: 1024 } as const

/** What an item with this id is handed over as that is no job. */
export function malformedJob(id: string, reason: string): UnsupportedJob {
  const base = { kind: 'unsupported', id, certificateId: id, type: 'unknown' } as const
  return { ...base, reason: reason.slice(0, longestReason), code: 'JOB_MALFORMED' }
}

/** The most keys that TLSA records of one certificate name. */
export const mostKeptKeys = 100
const spki = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
const keyWish = {
  key: { enum: ['rotate', 'reuse'] },
  keyType: { enum: keyKinds },
  nextKey: { const: true },
  currentSpki: spki,
  keepSpki: { type: 'array', maxItems: mostKeptKeys, items: spki },
} as const satisfies Record<keyof KeyWish, object>
const optional = 'targetName deadline instance leaf generation code order'.split(' ').concat(Object.keys(keyWish))

const order = carriedOrderSchema
const ofTarget = { targetId: idOf(1000), targetName: lineOf(128), deadline: { type: 'integer', minimum: 0 } }

/** What a job has beside its kind and its ids. */
const fieldsOf: Readonly<Record<Job['kind'], Readonly<Record<string, object>>>> = {
  deployment: { ...ofTarget, order, instance: lineOf(63), targetType: text, targetConfig: { type: 'object' } },
  validation: ofTarget,
  'take-back': {
    ...ofTarget,
    order,
    leaf: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    generation: { type: 'integer', minimum: 1 },
  },
  issuance: { order, ...keyWish, commonName: text, sans: { type: 'array', maxItems: 1000, items: text } },
  challenge: {
    order,
    name: { ...idOf(253) },
    token: { type: 'string', pattern: tokenPattern },
    keyAuthorization: { type: 'string', pattern: keyAuthorizationPattern },
    lifetimeMs: { type: 'integer', minimum: 1 },
  },
  'own-renewal': {
    targetId: idOf(1000),
    replaces: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    certificatePem: { type: 'string', maxLength: 256 * 1024 },
  },
  unsupported: { type: lineOf(1024), reason: lineOf(longestReason), code: { const: 'JOB_MALFORMED' } },
}

/** An answer names a job by an id of at most 1024 characters. */
const ids = { id: idOf(1000), certificateId: idOf(1000) }

/** JSON schema of a job; `isClosed`: as one comes from outside, without any field that is not known. On disk a later version may have more. */
export function jobSchemaOf(isClosed: boolean): object {
  const rest = isClosed ? { additionalProperties: false } : {}
  const kinds = Object.entries(fieldsOf).filter(([kind]) => !isClosed || kind !== 'own-renewal')
  return {
    type: 'object',
    required: ['kind', ...Object.keys(ids)],
    properties: { kind: { enum: kinds.map(([kind]) => kind) } },
    allOf: kinds.map(([kind, fields]) => ({
      if: { required: ['kind'], properties: { kind: { const: kind } } },
      then: {
        ...rest,
        required: Object.keys(fields).filter((field) => !optional.includes(field)),
        properties: { kind: {}, ...ids, ...fields },
        ...(kind === 'take-back' ? { anyOf: [{ required: ['leaf'] }, { required: ['generation'] }] } : {}),
      },
    })),
  }
}
