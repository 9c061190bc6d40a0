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
  | {
      readonly kind: 'verification'
      readonly jobId: string
      readonly targetId: string
      readonly expected: string
      readonly actual: string
      readonly verified: boolean
      readonly error?: string
    }

/** JSON schema of a report, as far as it has to be known to send it. */
export const reportSchema = {
  type: 'object',
  required: ['kind', 'jobId'],
  properties: { kind: { enum: ['status', 'verification'] }, jobId: { type: 'string', minLength: 1 } },
} as const
