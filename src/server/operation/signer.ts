import { asWaxsealError, describeError } from '../../error/waxseal-error.ts'
import type { Authority } from '../authority/authority.ts'
import { readVersion } from '../authority/read-version.ts'
import type { CertificateRow, SigningRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { addJob } from './add-job.ts'
import { audit } from './audit.ts'
import { inTurn } from './in-turn.ts'

/** For so long another server leaves a CSR to the one that has it. */
export const holdMs = 60_000
const firstPauseMs = 5000
const longestPauseMs = 15 * 60_000
const mostAtOnce = 100

/** Signs CSRs one after another. What is to be signed is a row of the store: any server goes on with it after a restart. */
export interface Signer {
  /** Checks a CSR for these names and returns its key's digest (SPKI). Waits for its turn; JOB_MALFORMED as the authority says. */
  check(csrPem: string, names: readonly string[]): Promise<string>
  /** Signs one, unless it was signed; returns it as it is then. */
  sign(id: string): Promise<SigningRow | null>
  /** Signs all that are due. */
  signDue(): Promise<void>
}

/** The signer of this server. */
export function openSigner(store: Store, authority: Authority): Signer {
  const turn = inTurn()
  const sign: Signer['sign'] = async (id) => {
    await turn(() => signOnce(store, authority, id))
    return store.signings.byId(id)
  }
  return {
    sign,
    check: (csrPem, names) => turn(() => authority.check(csrPem, names)),
    signDue: async () => {
      const now = await store.now()
      for (const { id } of await store.signings.take(now, now + holdMs, mostAtOnce)) await sign(id)
    },
  }
}

/** All names that a certificate is for. */
export function namesOf({ commonName, sans }: CertificateRow): readonly string[] {
  return [...new Set([commonName, ...sans])]
}

async function signOnce(store: Store, authority: Authority, id: string): Promise<void> {
  const signing = await store.signings.byId(id)
  if (signing === null || signing.state !== 'open') return
  const certificate = await store.certificates.byId(signing.certificateId)
  if (certificate === null) return
  const now = await store.now()
  let pem: string
  try {
    pem = await authority.sign(signing.csrPem, namesOf(certificate), certificate.validityDays, now)
  } catch (error) {
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** signing.attempts)
    await store.signings.putOff(id, now + pause, describeError(asWaxsealError(error)))
    return
  }
  await store.transaction((inside) => recordSigned(inside, signing, certificate.id, pem))
}

/** The signed version is the newest, its issuance is done, and its deployments begin. */
async function recordSigned(store: Store, signing: SigningRow, certificateId: string, pem: string): Promise<void> {
  // One version after another: its number is the next.
  const certificate = await store.certificates.lock(certificateId)
  if (certificate === null || !(await store.signings.end(signing.id, 'signed', null))) return
  const at = await store.now()
  const number = ((await store.versions.newest(certificateId))?.number ?? 0) + 1
  const version = { ...readVersion(pem), certificateId, number, issuer: 'local', issuedAt: at, revokedAt: null }
  await store.versions.add(version)
  if (signing.jobId !== null) await store.jobs.move(signing.jobId, ['AwaitingCSR', 'Running'], 'Completed', at)
  for (const targetId of await store.certificates.deployedTo(certificateId))
    await addJob(store, {
      type: 'Deployment',
      agentId: certificate.agentId,
      certificateId,
      targetId,
      versionNumber: number,
    })
  await audit(store, 'server', 'certificate.sign', certificateId, { number, fingerprint: version.fingerprint })
}
