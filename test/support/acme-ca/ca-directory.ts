import { type CaDesk, livesOf } from './ca-desk.ts'

/** The directory (RFC 8555 §7.1.1), with the profiles and the renewal information that the CA has. */
export function directoryBody(desk: CaDesk, base: string): object {
  const { externalAccounts, saysRenewal = true, hasTerms = true, caaIdentities = ['ca.example'] } = desk.options
  const names = Object.keys(livesOf(desk)).filter((name) => name !== 'default')
  return {
    newNonce: `${base}/newNonce`,
    newAccount: `${base}/newAccount`,
    newOrder: `${base}/newOrder`,
    revokeCert: `${base}/revokeCert`,
    keyChange: `${base}/keyChange`,
    ...(saysRenewal ? { renewalInfo: `${base}/renewalInfo` } : {}),
    meta: {
      caaIdentities,
      ...(hasTerms ? { termsOfService: `${base}/terms` } : {}),
      ...(externalAccounts === undefined ? {} : { externalAccountRequired: true }),
      ...(names.length === 0
        ? {}
        : { profiles: Object.fromEntries(names.map((name) => [name, `${base}/profile/${name}`])) }),
    },
  }
}
