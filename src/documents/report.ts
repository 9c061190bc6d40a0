import type { CertificateFacts, Outcome } from '../outcome/outcome.ts'

/** What the control plane is told of a job. */
export type Report =
  | {
      readonly kind: 'status'
      readonly jobId: string
      readonly status: 'Running' | 'Completed' | 'Failed' | 'Cancelled'
      readonly error?: string
      readonly outcome?: Outcome
      /** Of a validation: what was deployed to the target. A control plane that was put back from a backup does not know it. */
      readonly certificate?: CertificateFacts
    }
  | RenewedReport
  | {
      readonly kind: 'verification'
      readonly jobId: string
      readonly targetId: string
      readonly expected: string
      readonly actual: string
      readonly verified: boolean
      readonly error?: string
    }

/** What becomes of a job that a command does on this host. */
export type JobReport = Extract<Report, { readonly kind: 'status' | 'verification' }>

/** What became of a renewal by this host itself, on one target. */
export interface RenewedReport {
  readonly kind: 'renewed'
  readonly jobId: string
  readonly targetId: string
  /** SHA-256 of the leaf whose place it was to take. */
  readonly replaces: string
  /** Leaf and chain, PEM. */
  readonly certificatePem: string
  readonly status: 'Completed' | 'Failed'
  readonly error?: string
  readonly outcome?: Outcome
}

/** JSON schema of a report, as far as it has to be known to send it. */
export const reportSchema = {
  type: 'object',
  required: ['kind', 'jobId'],
  properties: { kind: { enum: ['status', 'verification', 'renewed'] }, jobId: { type: 'string', minLength: 1 } },
} as const
