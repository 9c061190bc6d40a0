import type { PreparedChange } from '../../apply/prepare-changes.ts'
import type { HostState } from '../../error/catalogue.ts'
import { describeError, printedBy, type WaxsealError } from '../../error/waxseal-error.ts'
import type { Certificate } from '../../material/material.ts'
import type { CertificateFacts, FileOutcome, Outcome, ProbeOutcome } from '../../outcome/outcome.ts'
import { certificateFacts } from './certificate-facts.ts'
import { StepRecorder } from './step-recorder.ts'

/** Collects the facts of one deployment until they become its outcome. */
export class OutcomeDraft extends StepRecorder {
  certificate: CertificateFacts | null = null
  probes: readonly ProbeOutcome[] = []
  warnings: readonly string[] = []
  /** What commands printed that a person on this host should read. */
  printed: readonly string[] = []
  #changes: readonly PreparedChange[] = []

  /** Names the certificate that the deployment is about. */
  about(leaf: Certificate): void {
    this.certificate = certificateFacts(leaf)
  }

  /** Names the files that the deployment changes. */
  changing(changes: readonly PreparedChange[]): void {
    this.#changes = changes
  }

  /** The new pair is live; `proven`: a listener showed it. */
  succeed(outcome: 'deployed' | 'unchanged', message: string, proven: boolean): Outcome {
    const host = outcome === 'deployed' ? 'changed' : 'untouched'
    return this.#finish({ outcome, host, code: null, message, proven })
  }

  /** Nothing was touched; or an earlier deployment could not be put back, and this one has not made it worse. */
  refuse(error: WaxsealError): Outcome {
    this.printed = [...this.printed, ...printedBy(error)]
    if (error.code === 'ROLLBACK_FAILED') {
      const message = describeError(error)
      return this.#finish({ outcome: 'rollback-failed', host: 'unknown', code: error.code, message })
    }
    return this.#finish({ outcome: 'refused', host: 'untouched', code: error.code, message: describeError(error) })
  }

  /** The deployment failed with `error`; `undoing` is what went wrong with the rollback, null when it is proven. */
  rolledBack(error: WaxsealError, undoing: WaxsealError | null, remark: string): Outcome {
    this.printed = [...this.printed, ...printedBy(error), ...(undoing === null ? [] : printedBy(undoing))]
    const message = `${describeError(error)} ${remark}`.trim()
    if (undoing === null) return this.#finish({ outcome: 'rolled-back', host: 'restored', code: error.code, message })
    const both = `${message} ${describeError(undoing)}`
    return this.#finish({ outcome: 'rollback-failed', host: 'unknown', code: undoing.code, message: both })
  }

  #finish(
    verdict: Pick<Outcome, 'outcome' | 'code' | 'message'> & { readonly host: HostState; readonly proven?: boolean },
  ): Outcome {
    return {
      ...verdict,
      proven: verdict.proven ?? false,
      stage: this.stage,
      warnings: this.warnings,
      ...(this.printed.length === 0 ? {} : { printed: this.printed }),
      steps: this.steps,
      files: this.#changes.map((change) => fileOutcome(change, verdict.outcome)),
      probes: this.probes,
      certificate: this.certificate,
    }
  }
}

function fileOutcome({ path, role, live, after }: PreparedChange, outcome: Outcome['outcome']): FileOutcome {
  const isNew = outcome === 'deployed' || outcome === 'unchanged'
  return { path, role, before: live?.digest ?? null, after: isNew ? after.digest : (live?.digest ?? null) }
}
