/** A job as the control plane gave it, parsed and bounded. Ids are strings from outside: never path components. */
export interface JobBase {
  readonly id: string
  readonly certificateId: string
}

/** A target as a job names it. */
interface TargetOfJob extends JobBase {
  readonly targetId: string
  /** What the operator calls it, for people alone: nothing is stored or decided by it. Missing: the control plane did not say. */
  readonly targetName?: string
}

/** Put the newest version of a certificate onto a target. */
export interface DeploymentJob extends TargetOfJob {
  readonly kind: 'deployment'
  /** The instance of the daemon that it is for, by a name of the host's; missing: its target says it, or the default one. */
  readonly instance?: string
  /** `Postfix`, `Dovecot`, … as on the wire. */
  readonly targetType: string
  readonly targetConfig: Readonly<Record<string, unknown>>
}

/** Make a key and a certificate signing request. */
export interface IssuanceJob extends JobBase {
  readonly kind: 'issuance'
  readonly commonName: string
  readonly sans: readonly string[]
}

/** Compare a target with what was deployed to it. */
export interface ValidationJob extends TargetOfJob {
  readonly kind: 'validation'
}

/** Deploy a pair once more that was live on a target, from the host's own record. */
export interface TakeBackJob extends TargetOfJob {
  readonly kind: 'take-back'
  /** SHA-256 of its leaf, lower-case hex; one of the two is given. Neither counts back from the live pair: a second try goes to the same. */
  readonly leaf?: string
  /** Its number in that record. */
  readonly generation?: number
}

/** A job that this agent does not do, or an item that is none and has an id: it is answered as failed, never dropped. */
export interface UnsupportedJob extends JobBase {
  readonly kind: 'unsupported'
  readonly type: string
  readonly reason: string
  /** Left out: JOB_UNSUPPORTED. */
  readonly code?: 'JOB_MALFORMED'
}

export type Job = DeploymentJob | IssuanceJob | ValidationJob | TakeBackJob | UnsupportedJob

/** JSON schema of a job. */
export const jobSchema = {
  type: 'object',
  required: ['kind', 'id', 'certificateId'],
  properties: {
    id: { type: 'string', minLength: 1 },
    certificateId: { type: 'string', minLength: 1 },
    kind: { enum: ['deployment', 'issuance', 'validation', 'take-back', 'unsupported'] },
  },
  allOf: [
    {
      if: { properties: { kind: { const: 'deployment' } } },
      then: {
        required: ['targetId', 'targetType', 'targetConfig'],
        properties: {
          targetId: { type: 'string' },
          targetName: { type: 'string' },
          instance: { type: 'string', maxLength: 63 },
          targetType: { type: 'string' },
          targetConfig: { type: 'object' },
        },
      },
    },
    {
      if: { properties: { kind: { const: 'validation' } } },
      then: {
        required: ['targetId'],
        properties: { targetId: { type: 'string' }, targetName: { type: 'string' } },
      },
    },
    {
      if: { properties: { kind: { const: 'take-back' } } },
      then: {
        required: ['targetId'],
        anyOf: [{ required: ['leaf'] }, { required: ['generation'] }],
        properties: {
          targetId: { type: 'string' },
          targetName: { type: 'string' },
          leaf: { type: 'string', pattern: '^[0-9a-f]{64}$' },
          generation: { type: 'integer', minimum: 1 },
        },
      },
    },
    {
      if: { properties: { kind: { const: 'issuance' } } },
      then: {
        required: ['commonName', 'sans'],
        properties: { commonName: { type: 'string' }, sans: { type: 'array', items: { type: 'string' } } },
      },
    },
  ],
} as const
