import { asWaxsealError, describeError, WaxsealError } from '../../error/waxseal-error.ts'
import { readVersion } from '../authority/read-version.ts'
import type { Issuer, SigningRequest, SignStep } from './issuer.ts'

/** A step, and whose it is. */
export type StepOf = SignStep & { readonly issuer: string }

/** Asks these issuers in this order until one signs, or waits. ISSUER_FAILED: none does; the details say what each one said. */
export async function signInOrder(
  issuers: readonly Issuer[],
  order: readonly string[],
  request: SigningRequest,
): Promise<StepOf> {
  const reasons: string[] = []
  for (const name of order) {
    const issuer = issuers.find((one) => one.name === name)
    try {
      if (issuer !== undefined) return { ...(await readableFrom(issuer, request)), issuer: name }
      reasons.push(`${name}: this server has no issuer of this name`)
    } catch (error) {
      reasons.push(`${name}: ${describeError(asWaxsealError(error))}`)
    }
  }
  throw new WaxsealError('ISSUER_FAILED', { reasons })
}

/** What an issuer signed, if it is a certificate: what can be kept by nobody would be signed again for ever. */
async function readableFrom(issuer: Issuer, request: SigningRequest): Promise<SignStep> {
  const step = await issuer.sign(request)
  if (step.state === 'signed') readVersion(step.pem)
  return step
}
