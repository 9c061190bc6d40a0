import type { AcmeProof } from '../../store/acme-order-store.ts'
import type { SigningRequest } from '../issuer.ts'

/** How names are proven to a CA in one way. What is published already, or is gone already, is no failure. */
export interface Solver {
  readonly kind: AcmeProof['kind']
  /** Where a proof of this name is published; null: this way cannot be gone. `name`: without `*.`. */
  placeFor(name: string, isWildcard: boolean, request: SigningRequest): Promise<string | null>
  /** Publishes these; returns them with their places, where those are known only now. */
  publish(proofs: readonly AcmeProof[], request: SigningRequest): Promise<readonly AcmeProof[]>
  /** Why the CA would not find it yet, in a sentence; null: it would. `at`: now. */
  whyNotSeen(proof: AcmeProof, at: number): Promise<string | null>
  remove(proofs: readonly AcmeProof[]): Promise<void>
}
