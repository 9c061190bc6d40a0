import { describeError, WaxsealError } from '../../../error/waxseal-error.ts'
import { readVersion } from '../../authority/read-version.ts'
import type { Issuer, SigningRequest } from '../../issuer/issuer.ts'
import { type Asked, signInOrder, type WhomToAsk } from '../../issuer/sign-in-order.ts'
import type { CertificateRow, SigningRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { followDeployment, type RolloutPart, timesOfPart } from '../rollout/follow-renewal.ts'
import { lockRolloutOf } from '../rollout/rollout-of-job.ts'
import { timesOfFollowing } from '../window/times-of-renewal.ts'
import { addVersion } from './add-version.ts'
import { type InTurn, inTurn } from './in-turn.ts'
import { holdMs, keepHold } from './keep-hold.ts'

const mostAtOnce = 100
/** Of CSRs that are taken or signed, so that they leave connections to the database for polls. */
const [takenAtOnce, signedAtOnce] = [3, 2]
/** Of those that somebody else signs, for each list of issuers: they wait for answers, and hold up none that is signed here, or by others. */
const remoteAtOnce = 16
/** For so long a look waits for what it has begun, and the end of a server, too. */
const patienceMs = 5000
/** What waits for longer is told to operators. */
const longWaitMs = 10 * 60_000

/** Signs CSRs, what is needed first before the rest. What is to be signed is a row of the store: any server goes on with it after a restart. */
export interface Signer {
  /** Names of those who sign. */
  readonly issuers: readonly string[]
  /** Names of those that are asked, in this order, where a certificate names none. */
  readonly order: readonly string[]
  /** Does a part of taking a CSR when it is its turn. */
  readonly inTurn: InTurn
  /** Checks a CSR for these names and returns its key's digest (SPKI). JOB_MALFORMED as the authority says. */
  check(csrPem: string, names: readonly string[]): Promise<string>
  /** Signs one, unless it was signed; returns it as it is then. */
  sign(id: string): Promise<SigningRow | null>
  /** Signs all that are due. */
  signDue(): Promise<void>
  /** Begins none any more, and waits for those that have begun, for 5 s at most: what is left is a row that another server takes. */
  end(): Promise<void>
}

/** Who checks CSRs, and who signs them. */
export interface SigningParts {
  readonly store: Store
  /** As `Signer.check`. */
  readonly check: Signer['check']
  readonly issuers: readonly Issuer[]
  /** Names of those that are asked, in this order, where a certificate names none; left out: all. */
  readonly order?: readonly string[]
}

/** The signer of this server. */
export function openSigner(parts: SigningParts): Signer {
  const { store, check, issuers } = parts
  const names = issuers.map(({ name }) => name)
  const order = parts.order ?? names
  const here = inTurn(signedAtOnce)
  const remote = new Map<string, InTurn>()
  const laneOf = (asked: readonly string[]): InTurn => {
    if (!asked.some((name) => issuers.find((issuer) => issuer.name === name)?.isRemote)) return here
    const list = asked.join(' ')
    const lane = remote.get(list) ?? inTurn(remoteAtOnce)
    remote.set(list, lane)
    return lane
  }
  let isEnding = false
  const signOnce = async (id: string, letGo: () => Promise<void>): Promise<void> => {
    const begun = await here(async () => (isEnding ? null : begin(store, order, id)))
    if (begun === null) return
    await laneOf(begun.asked)(async () => {
      if (!isEnding) await signBegun(parts, begun, letGo)
    })
  }
  const underWay = new Map<string, Promise<void>>()
  const follow = (id: string): Promise<void> => {
    const before = underWay.get(id)
    if (before !== undefined) return before
    const letGo = keepHold(store, id)
    const signed = signOnce(id, letGo)
      .finally(letGo)
      .finally(() => underWay.delete(id))
    underWay.set(id, signed)
    return signed
  }
  return {
    issuers: names,
    order,
    inTurn: inTurn(takenAtOnce),
    check,
    sign: async (id) => {
      await follow(id)
      return store.signings.byId(id)
    },
    signDue: async () => {
      const room = mostAtOnce - underWay.size
      if (room <= 0) return
      const now = await store.now()
      const due = await store.signings.take(now, now + holdMs, room)
      const begun = due.map(({ id }) => follow(id))
      // Whoever is not waited for any more has a row that is tried again.
      for (const one of begun) one.catch(() => {})
      await withPatience(begun)
    },
    end: async () => {
      isEnding = true
      await withPatience([Promise.allSettled(underWay.values())])
    },
  }
}

/** Those that somebody else signs may take their time: the next look does not wait for them. */
async function withPatience(signed: readonly Promise<unknown>[]): Promise<void> {
  const patience = Promise.withResolvers<void>()
  const timer = setTimeout(patience.resolve, patienceMs)
  try {
    await Promise.race([Promise.all(signed), patience.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** All names that a certificate is for. */
export function namesOf({ commonName, sans }: CertificateRow): readonly string[] {
  return [...new Set([commonName, ...sans])]
}

interface Begun {
  readonly signing: SigningRow
  readonly certificate: CertificateRow
  /** Names of issuers. */
  readonly asked: readonly string[]
}

/** Null: it is signed, or nothing is signed for its agent. */
async function begin(store: Store, order: readonly string[], id: string): Promise<Begun | null> {
  const signing = await store.signings.byId(id)
  if (signing === null || signing.state !== 'open') return null
  const certificate = await store.certificates.byId(signing.certificateId)
  if (certificate === null || (await store.holds.of(certificate.agentId)) !== null) return null
  return { signing, certificate, asked: certificate.issuers.length === 0 ? order : certificate.issuers }
}

async function signBegun(
  { store, issuers }: SigningParts,
  { signing, certificate, asked }: Begun,
  letGo: () => Promise<void>,
): Promise<void> {
  const { id, csrPem, spki, certificateId } = signing
  const request: SigningRequest = {
    id,
    certificateId,
    csrPem,
    spki,
    names: namesOf(certificate),
    validityDays: certificate.validityDays,
    replaces: await store.versions.newest(certificateId),
    at: await store.now(),
  }
  const tries = await store.issuerTries.of(id)
  const whom: WhomToAsk = {
    issuers,
    order: asked,
    before: new Map(tries.map((one) => [one.issuer, one])),
    rule: certificate,
  }
  const { signed, ...answers } = await signInOrder(whom, request)
  // Or it would be put off once more, behind what is written now.
  await letGo()
  await store.transaction((inside) =>
    signed === null ? putOff(inside, signing, answers) : recordSigned(inside, signing, signed),
  )
}

/** Any server goes on with it. What has failed, or waits for long, is told to operators. */
async function putOff(
  store: Store,
  { id: signingId, certificateId, jobId }: SigningRow,
  { hasFailed, isElsewhere, tries, nextAt, reasons }: Omit<Asked, 'signed'>,
): Promise<void> {
  await store.certificates.lock(certificateId)
  // It was signed by another server, or cancelled meanwhile.
  if ((await store.signings.byId(signingId))?.state !== 'open') return
  for (const one of tries) await store.issuerTries.put({ signingId, ...one })
  const at = await store.now()
  const isMissed = isElsewhere && at - (await askedAt(store, jobId)) > longWaitMs
  const isBad = hasFailed || isMissed
  const error = isBad ? describeError(new WaxsealError('ISSUER_FAILED', { reasons })) : reasons.join('; ')
  if (hasFailed) await store.signings.putOff(signingId, nextAt, error)
  else await store.signings.wait(signingId, nextAt, error)
  if (isBad || nextAt - at > longWaitMs) await store.certificates.plan(certificateId, { lastError: error })
}

/** In milliseconds since 1970; 0: nobody knows any more. */
async function askedAt(store: Store, jobId: string | null): Promise<number> {
  return (jobId === null ? null : await store.jobs.byId(jobId))?.createdAt ?? 0
}

/** The signed version is the newest, its issuance is done, and its deployments begin. */
async function recordSigned(
  store: Store,
  signing: SigningRow,
  { pem, issuer }: { readonly pem: string; readonly issuer: string },
): Promise<void> {
  const { certificateId, jobId } = signing
  const rollout = jobId === null ? null : await lockRolloutOf(store, jobId)
  // One version after another: its number is the next.
  const certificate = await store.certificates.lock(certificateId)
  const at = await store.now()
  if (certificate === null) return
  const isWanted = jobId === null || (await mayComplete(store, jobId, at))
  if (!(await store.signings.end(signing.id, isWanted ? 'signed' : 'failed', null)) || !isWanted) return
  const version = { ...readVersion(pem), issuer, issuedAt: at }
  const number = await addVersion(store, certificate, await store.versions.newest(certificateId), version)
  await store.acmeOrders.issued(signing.id, issuer, at)
  const isRetired = (await store.agents.named(certificate.agentId))?.status !== 'active'
  const part = rollout === null || jobId === null ? null : { rollout, issuanceId: jobId }
  if (!isRetired) await deployVersion(store, certificate, number, part)
  await audit(store, 'server', 'certificate.sign', certificateId, { number, fingerprint: version.fingerprint })
}

/** To all that the certificate is for; as part of a roll-out, where that asked for it. */
async function deployVersion(
  store: Store,
  certificate: CertificateRow,
  versionNumber: number,
  part: RolloutPart | null,
): Promise<void> {
  const { id: certificateId, agentId } = certificate
  const times =
    part === null ? await timesOfFollowing(store, certificate, await store.now()) : await timesOfPart(store, part)
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
