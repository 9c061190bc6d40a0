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

/** A job that has the form of a job, but is none that this agent does: it is answered as failed, never dropped. */
export interface UnsupportedJob extends JobBase {
  readonly kind: 'unsupported'
  readonly type: string
  readonly reason: string
}

export type Job = DeploymentJob | IssuanceJob | ValidationJob | UnsupportedJob
