import type { IssuerTry } from '../renewal/fall-back.ts'

/** What one issuer did with a CSR that is not signed yet. */
export interface IssuerTryRow extends IssuerTry {
  readonly signingId: string
  readonly issuer: string
  /** What it said last, for a person. */
  readonly reason: string
}

/** What issuers did with CSRs on their way: whichever server goes on knows whom to ask. They are forgotten with the end of the signing. */
export interface IssuerTryStore {
  of(signingId: string): Promise<readonly IssuerTryRow[]>
  /** In place of what the issuer did before. */
  put(row: IssuerTryRow): Promise<void>
}
