import { accountIn } from '../../documents/challenge.ts'
import type {
  ChallengeJob,
  DeploymentJob,
  IssuanceJob,
  Job,
  TakeBackJob,
  UnsupportedJob,
  ValidationJob,
} from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { KeyStore } from '../../material/key-store.ts'
import type { Step } from '../../outcome/outcome.ts'
import { checkName } from '../../policy/policy.ts'
import type { ChallengeAnswers } from '../challenge/challenge-answers.ts'
import { deployAgain } from '../deploy-again.ts'
import type { Engine } from '../engine.ts'
import { inspect } from '../inspect.ts'
import { requireOrder } from '../order/require-order.ts'
import type { ObtainedCertificates } from '../own/obtained.ts'
import { runOwnRenewal } from '../own/run-own-renewal.ts'
import { endOf, failed, type JobEnd } from './job-end.ts'
import { reportsOf } from './reports-of.ts'

/** By the id of its job each certificate, or why it cannot be had. */
export type Certificates = ReadonlyMap<string, string | Error>

/** What jobs need beside the engine. */
export interface Workshop {
  readonly engine: Engine
  readonly keys: Pick<KeyStore, 'find'>
  readonly challenges: Pick<ChallengeAnswers, 'put'>
  /** What this host has renewed by itself. */
  readonly obtained: Pick<ObtainedCertificates, 'list'>
  /** The certificates of these deployments. */
  readonly certificatesOf: (jobs: readonly DeploymentJob[]) => Promise<Certificates>
  /** Called right before the first step that an interruption could cut off; durable. */
  readonly onBegin: (jobId: string) => Promise<void>
  readonly onStep: (jobId: string, step: Step) => void
}

/** Does one job that is no deployment. Never throws. */
export async function runJob(job: Exclude<Job, DeploymentJob>, workshop: Workshop): Promise<JobEnd> {
  try {
    if (job.kind === 'validation') return [await validate(job, workshop)]
    if (job.kind === 'take-back') return await takeBack(job, workshop)
    if (job.kind === 'challenge') return [await answerChallenge(job, workshop)]
    if (job.kind === 'own-renewal')
      return await runOwnRenewal(job, workshop.engine, {
        onBegin: () => workshop.onBegin(job.id),
        onStep: (step) => workshop.onStep(job.id, step),
      })
    throw unsupported(job)
  } catch (error) {
    return endOf(job.id, error)
  }
}

function unsupported(job: IssuanceJob | UnsupportedJob): WaxsealError {
  if (job.kind === 'issuance') return new WaxsealError('JOB_UNSUPPORTED', { type: job.kind })
  const { code = 'JOB_UNSUPPORTED', type, reason } = job
  return new WaxsealError(code, code === 'JOB_UNSUPPORTED' ? { type, reason } : { reason })
}

/** The answer is there when this is reported; the control plane tells the CA then. */
async function answerChallenge(job: ChallengeJob, { engine, challenges, onBegin }: Workshop): Promise<Report> {
  const { http } = engine.policy.acme
  if (http === null) throw new WaxsealError('CHALLENGE_NOT_ALLOWED', { setting: 'policy.acme.http' })
  checkName(job.name, engine.policy.names)
  const account = accountIn(job.keyAuthorization)
  if (http.accounts?.includes(account) === false)
    throw new WaxsealError('ACCOUNT_NOT_ALLOWED', { account, setting: 'policy.acme.http.accounts' })
  await requireOrder(job, engine)
  await onBegin(job.id)
  await challenges.put(job)
  return { kind: 'status', jobId: job.id, status: 'Completed' }
}

/** The same as `waxseal rollback`, but by today's policy of what a job may name. */
async function takeBack(job: TakeBackJob, { engine, onBegin, onStep }: Workshop): Promise<JobEnd> {
  const order = await requireOrder(job, engine)
  await onBegin(job.id)
  const asking = { id: job.id, order, carried: job.order }
  return reportsOf(job, await deployAgain(job.targetId, job, engine, (step) => onStep(job.id, step), asking))
}

async function validate(job: ValidationJob, { engine, onBegin }: Workshop): Promise<Report> {
  await onBegin(job.id)
  const record = await engine.records.get(job.targetId)
  if (record === null)
    throw new WaxsealError('VALIDATION_FAILED', { target: job.targetId, reasons: ['nothing was deployed to it'] })
  const { valid, reasons } = await engine.turns.take(() => inspect(record, engine, { withCheck: true }))
  const { certificate } = record
  if (valid) return { kind: 'status', jobId: job.id, status: 'Completed', certificate }
  return { ...failed(job.id, new WaxsealError('VALIDATION_FAILED', { target: job.targetId, reasons })), certificate }
}
