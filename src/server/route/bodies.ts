import type { PolicyBody } from './policy-body.ts'

/** A target as an operator sends it. */
export interface TargetBody {
  readonly name: string
  /** Id or name. */
  readonly agent_id: string
  readonly type: string
  readonly config: object
  /** Where a target of this name is there: it keeps its id and agent, and has this type and configuration from now on. */
  readonly replace?: boolean
  /** Takes a type and fields that the control plane does not know. */
  readonly unchecked?: boolean
}

/** What is to take the place of a certificate that was found, as an operator sends it. */
export interface BindingBody extends PolicyBody {
  /** Id or name. */
  readonly target_id: string
  /** Not only when it is due. */
  readonly now?: boolean
  readonly validity_days?: number
}

/** A request for a certificate, as an operator sends it. */
export interface CertificateBody extends PolicyBody {
  /** Id or name. */
  readonly agent_id: string
  readonly common_name: string
  readonly sans?: readonly string[]
  readonly validity_days?: number
  /** Targets, by id or name. */
  readonly deploy_to?: readonly string[]
}
