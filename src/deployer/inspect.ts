import { X509Certificate } from 'node:crypto'
import { runInOrder } from '../apply/run-step.ts'
import { readSnapshot, type Snapshot } from '../host/file/files.ts'
import type { DeploymentRecord, RecordedFile } from '../journal/deployment-record.ts'
import { lifetimeOf } from '../outcome/lifetime.ts'
import type { CommandFacts, ProbeOutcome } from '../outcome/outcome.ts'
import { fileDigest } from '../plan/file-digest.ts'
import type { Probe } from '../plan/plan.ts'
import type { Expectation } from '../verify/verification.ts'
import { verifyProbes } from '../verify/verify-probes.ts'
import { askToday } from './allowed-today.ts'
import type { Engine } from './engine.ts'
import { failedProbes } from './transaction/judge.ts'

/** What one target is like now, against what was deployed. Nothing was changed to find out. */
export interface Inspection {
  readonly target: string
  /** What its operator called it when this was deployed; null: nothing else than that. */
  readonly targetName: string | null
  /** When: RFC 3339, UTC. */
  readonly at: string
  /** Whether all is as it was deployed. */
  readonly valid: boolean
  /** What is not, a sentence each. */
  readonly reasons: readonly string[]
  readonly probes: readonly ProbeOutcome[]
  readonly files: readonly FileLook[]
  /** The daemon's own check; empty: it was not asked. */
  readonly commands: readonly CommandFacts[]
  /** Whole days until the deployed certificate expires; negative: it has. */
  readonly daysLeft: number
}

/** One file as it is on disk. */
export interface FileLook {
  readonly path: string
  readonly role: RecordedFile['role']
  /** SHA-256 of the leaf in it, lower-case hex; null: it holds none. */
  readonly leaf: string | null
  /** Why it is not as it was deployed, in a sentence; null: it is. */
  readonly reason: string | null
}

export interface InspectOptions {
  /** Whether the daemon's own check is run, too. */
  readonly withCheck: boolean
  readonly signal?: AbortSignal
}

/** Looks at the files, at every port, and, when asked to, runs the daemon's own check, as far as the policy of today allows it. Never throws. */
export async function inspect(record: DeploymentRecord, engine: Engine, options: InspectOptions): Promise<Inspection> {
  const { withCheck, signal } = options
  const today = askToday(record.files, engine)
  const check = withCheck ? record.check : null
  const isRun = check !== null && (await today.isRun(check))
  const commands = isRun ? await runInOrder([check], engine.timeouts.checkMs) : []
  const expectations: Expectation[] = []
  for (const [index, probe] of record.looks.entries())
    if (await today.isAsked(probe)) expectations.push(expectationOf(probe, record.probes[index], record))
  const probes = await verifyProbes({
    expectations,
    retry: { attempts: 2, initialMs: 1000, maxMs: 1000 },
    clock: engine.clock,
    ...(signal === undefined ? {} : { signal }),
  })
  const files = await Promise.all(record.files.map(lookAt))
  const { daysLeft, stage } = lifetimeOf(record.certificate, engine.clock.now())
  const reasons = [
    ...commands.filter(({ exitCode }) => exitCode !== 0).map((ran) => `${ran.command.join(' ')} fails: ${endOf(ran)}.`),
    ...files.flatMap(({ reason }) => (reason === null ? [] : [reason])),
    ...failedProbes(probes).map(probeReason),
    ...[...today.refused].map(
      (what) =>
        `The policy of today does not allow ${what}, by which it was deployed: it is not asked. Allow it again, or deploy the target anew.`,
    ),
    ...(stage === 'expired' ? [`The certificate expired on ${record.certificate.notAfter}.`] : []),
  ]
  const at = new Date(engine.clock.now()).toISOString()
  const targetName = record.targetName ?? null
  return {
    target: record.target,
    targetName,
    at,
    valid: reasons.length === 0,
    reasons,
    probes,
    files,
    commands,
    daysLeft,
  }
}

/** One that could not be judged when it was deployed to is no drift while it fails as it did then. */
function expectationOf(probe: Probe, then: ProbeOutcome | undefined, { certificate }: DeploymentRecord): Expectation {
  const leaves = [certificate.sha256]
  const [phase = '', ...reason] = then?.decides === false ? (then.error ?? '').split(': ') : []
  if (phase === '') return { probe, leaves }
  const failure = { phase, reason: reason.join(': ') }
  return { probe, leaves, before: { leaf: null, chain: [], isChained: false, failure } }
}

async function lookAt(file: RecordedFile): Promise<FileLook> {
  const { path, role } = file
  try {
    const live = await readSnapshot(path)
    return { path, role, leaf: live === null ? null : leafIn(live.bytes), reason: reasonOf(file, live) }
  } catch (error) {
    return { path, role, leaf: null, reason: `${path} cannot be read: ${(error as Error).message}.` }
  }
}

function reasonOf({ path, role, digest, mode, uid, gid }: RecordedFile, live: Snapshot | null): string | null {
  if (live === null) return `${path} is gone.`
  if (fileDigest(role, live.bytes) !== digest) return `${path} is not what was deployed.`
  if (live.mode === mode && live.uid === uid && live.gid === gid) return null
  return `${path} has another mode or owner: ${live.mode.toString(8)} ${live.uid}:${live.gid}, not ${mode.toString(8)} ${uid}:${gid}.`
}

/** Not what it printed, which is for this host alone: `waxseal verify` shows it. */
function endOf({ exitCode, signal, timedOut }: CommandFacts): string {
  if (timedOut) return 'its time limit passed'
  return exitCode === null ? `it was ended by ${signal ?? 'the system'}` : `it ended with ${exitCode}`
}

/** The first certificate of a file is its leaf. */
function leafIn(bytes: Uint8Array): string | null {
  const [pem] =
    /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(Buffer.from(bytes).toString('latin1')) ?? []
  try {
    return pem === undefined ? null : new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
  } catch {
    return null
  }
}

function probeReason({ protocol, address, error, seen }: ProbeOutcome): string {
  return error === null ? `${protocol} ${address} serves another leaf: ${seen}.` : `${protocol} ${address}: ${error}.`
}
