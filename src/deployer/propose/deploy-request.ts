import type { StandingOrder } from '../../order/standing-order.ts'
import type { NamedFiles } from './name-file.ts'

/** One deployment, as asked for by a job or a person. */
export interface DeployRequest {
  /** The control plane's id of the job; missing: a person asks. */
  readonly job?: string
  /** The kept pair that is deployed again; missing: a new one. */
  readonly generation?: number
  /** The host has renewed it by itself (policy.acme.own): who vouches for it was looked at, and no order has to cover it. */
  readonly own?: true
  /** The host has renewed it by itself, and a job brings it: nobody was asked about its TLSA records. */
  readonly renewedHere?: true
  /** Root says on the host that it is no mistake; never from a job. */
  readonly force?: boolean
  /** What covers it, where this host asks jobs for that: its target is the order's. Missing: nothing does. */
  readonly order?: StandingOrder
  /** Certificates (PEM) that may stand above the chain, as they came with the order. */
  readonly issuersPem?: string
  /** What its warnings begin with. */
  readonly remark?: string
  /** Names the target in journal and record. */
  readonly target: string
  /** What its operator calls it; missing: nothing else than that. */
  readonly targetName?: string
  /** Name or alias of the connector. */
  readonly connector: string
  /** The instance of the daemon that the job names beside its target; missing: none. */
  readonly instance?: string
  /** The target's configuration as it came. */
  readonly config: unknown
  /** Leaf, and its chain where it is in the same file. */
  readonly certificatePem: string
  readonly chainPem?: string
  /** Where they come from, if from files that a person named. */
  readonly files?: NamedFiles
  /** The private key with this SPKI digest; null: this host has none. */
  readonly findKey: (spkiSha256: string) => Promise<string | null>
}
