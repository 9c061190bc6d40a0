import { lookAtAnswers } from '../../../acme/look-at-answers.ts'
import type { DnsServer } from '../../../host/socket/dns-exchange.ts'
import { isPublicAddress } from '../../../host/socket/guarded-lookup.ts'
import type { AcmeParts } from './acme-issuer.ts'

/** What is asked, and who is told what could not be looked at. */
export interface LookFirstParts {
  readonly resolvers: readonly DnsServer[]
  readonly warn: (facts: object, message: string) => void
}

/** Looks for an answer before the CA does; at inner addresses only where the CA is in an inner network itself. */
export function lookFirstBy({ resolvers, warn }: LookFirstParts): AcmeParts['lookAtAnswers'] {
  return async (expected, isInnerCa) => {
    const mayAsk = (address: string): boolean => isInnerCa || isPublicAddress(address)
    const { against, passedOver } = await lookAtAnswers(expected, { resolvers, mayAsk })
    if (against === null && passedOver.length > 0)
      warn(
        { name: expected.name, reasons: passedOver },
        'not all addresses of this name could be asked for its answer from here: the CA is told to look all the same',
      )
    return against
  }
}
