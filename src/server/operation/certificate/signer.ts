import { asWaxsealError, describeError } from '../../../error/waxseal-error.ts'
import { type Issuer, type Signed, signInOrder } from '../../authority/issuer.ts'
import { readVersion } from '../../authority/read-version.ts'
import { dueAt, firstSigningPace, pauseAfter, signingPace } from '../../renewal/when-due.ts'
import type { CertificateRow, SigningRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { followDeployment, type RolloutPart, timesOfPart } from '../rollout/follow-renewal.ts'
import { lockRolloutOf } from '../rollout/rollout-of-job.ts'
import { type InTurn, inTurn } from './in-turn.ts'

/** For so long another server leaves a CSR to the one that has it. */
export const holdMs = 60_000
const mostAtOnce = 100
/** Of CSRs that are taken or signed, so that they leave connections to the database for polls. An issuer that takes its time holds up no CSR. */
const [takenAtOnce, signedAtOnce] = [3, 2]

/** Signs CSRs in the order in which they came. What is to be signed is a row of the store: any server goes on with it after a restart. */
export interface Signer {
  /** Names of those who sign, in the order in which they are asked where a certificate names none. */
  readonly issuers: readonly string[]
  /** Does a part of taking a CSR when it is its turn. */
  readonly inTurn: InTurn
  /** Checks a CSR for these names and returns its key's digest (SPKI). JOB_MALFORMED as the authority says. */
  check(csrPem: string, names: readonly string[]): Promise<string>
  /** Signs one, unless it was signed; returns it as it is then. */
  sign(id: string): Promise<SigningRow | null>
  /** Signs all that are due. */
  signDue(): Promise<void>
}

/** Who checks CSRs, and who signs them. */
export interface SigningParts {
  readonly store: Store
  /** As `Signer.check`. */
  readonly check: Signer['check']
  /** In the order in which they are asked where a certificate names none. */
  readonly issuers: readonly Issuer[]
}

/** The signer of this server. */
export function openSigner(parts: SigningParts): Signer {
  const { store, check } = parts
  const signing = inTurn(signedAtOnce)
  const sign: Signer['sign'] = async (id) => {
    await signing(() => signOnce(parts, id))
    return store.signings.byId(id)
  }
  return {
    issuers: parts.issuers.map(({ name }) => name),
    sign,
    inTurn: inTurn(takenAtOnce),
    check,
    signDue: async () => {
      const now = await store.now()
      for (const { id } of await store.signings.take(now, now + holdMs, mostAtOnce))
        await signing(() => signOnce(parts, id))
    },
  }
}

/** All names that a certificate is for. */
export function namesOf({ commonName, sans }: CertificateRow): readonly string[] {
  return [...new Set([commonName, ...sans])]
}

async function signOnce({ store, issuers }: SigningParts, id: string): Promise<void> {
  const signing = await store.signings.byId(id)
  if (signing === null || signing.state !== 'open') return
  const certificate = await store.certificates.byId(signing.certificateId)
  if (certificate === null || (await store.holds.of(certificate.agentId)) !== null) return
  const now = await store.now()
  const { validityDays } = certificate
  let signed: Signed
  try {
    const request = { csrPem: signing.csrPem, names: namesOf(certificate), validityDays, at: now }
    signed = await signInOrder(issuers, certificate.issuers, request)
  } catch (error) {
    await store.transaction((inside) => putOff(inside, signing, describeError(asWaxsealError(error))))
    return
  }
  await store.transaction((inside) => recordSigned(inside, signing, signed))
}

/** It is tried again, and an operator can read why. */
async function putOff(store: Store, { id, certificateId, attempts }: SigningRow, error: string): Promise<void> {
  const certificate = await store.certificates.lock(certificateId)
  if (certificate === null) return
  const [now, version] = [await store.now(), await store.versions.newest(certificateId)]
  const pause =
    version === null
      ? pauseAfter(attempts + 1, Number.POSITIVE_INFINITY, id, firstSigningPace)
      : pauseAfter(attempts + 1, version.notAfter - now, id, signingPace)
  await store.signings.putOff(id, now + pause, error)
  await store.certificates.plan(certificateId, { lastError: error })
}

/** The signed version is the newest, its issuance is done, and its deployments begin. */
async function recordSigned(store: Store, signing: SigningRow, { pem, issuer }: Signed): Promise<void> {
  const { certificateId, jobId } = signing
  const rollout = jobId === null ? null : await lockRolloutOf(store, jobId)
  // One version after another: its number is the next.
  const certificate = await store.certificates.lock(certificateId)
  const at = await store.now()
  if (certificate === null) return
  const isWanted = jobId === null || (await mayComplete(store, jobId, at))
  if (!(await store.signings.end(signing.id, isWanted ? 'signed' : 'failed', null)) || !isWanted) return
  const number = ((await store.versions.newest(certificateId))?.number ?? 0) + 1
  const version = { ...readVersion(pem), certificateId, number, issuer, issuedAt: at, revokedAt: null }
  await store.versions.add(version)
  await store.certificates.plan(certificateId, {
    nextRenewalAt: dueAt(version, certificate.renewShare),
    renewalFailures: 0,
    lastError: null,
    revokedAt: null,
  })
  const isRetired = (await store.agents.named(certificate.agentId))?.status !== 'active'
  const part = rollout === null || jobId === null ? null : { rollout, issuanceId: jobId }
  if (!isRetired) await deployVersion(store, certificate, number, part)
  await audit(store, 'server', 'certificate.sign', certificateId, { number, fingerprint: version.fingerprint })
}

/** To all that the certificate is for; as part of a roll-out, where that asked for it. */
async function deployVersion(
  store: Store,
  { id: certificateId, agentId }: CertificateRow,
  versionNumber: number,
  part: RolloutPart | null,
): Promise<void> {
  const times = part === null ? {} : await timesOfPart(store, part)
  for (const targetId of await store.certificates.stillDeployedTo(certificateId)) {
    const jobId = await addJob(store, { type: 'Deployment', agentId, certificateId, targetId, versionNumber, ...times })
    if (part !== null) await followDeployment(store, part, targetId, jobId)
  }
}

/** Completes the issuance; false: it was cancelled, and nothing may follow it. One that failed since has its certificate all the same. */
async function mayComplete(store: Store, jobId: string, at: number): Promise<boolean> {
  if (await store.jobs.move(jobId, ['AwaitingCSR', 'Running'], 'Completed', at)) return true
  return (await store.jobs.byId(jobId))?.status !== 'Cancelled'
}
