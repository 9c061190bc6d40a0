import type { Authority } from '../authority/authority.ts'
import type { ClientCa } from '../authority/client-ca.ts'
import type { VersionsConfig } from '../config/server-config.ts'
import type { AcmeIssuer } from '../issuer/acme/acme-issuer.ts'
import type { Issuer } from '../issuer/issuer.ts'
import type { Store } from '../store/store.ts'
import type { FleetPace } from './agent/fleet-pace.ts'
import type { OldCredentials } from './agent/old-credentials.ts'
import type { Presence } from './agent/presence.ts'
import type { Signer } from './certificate/signer.ts'
import type { DaneDns } from './dane/dane-dns.ts'
import type { WorkBell } from './job/work-bell.ts'

/** What operations work with. */
export interface Parts {
  readonly store: Store
  readonly authority: Authority
  readonly clientCa: ClientCa
  readonly presence: Presence
  readonly signer: Signer
  /** Who signs: each once. */
  readonly issuers: readonly Issuer[]
  readonly daneDns: DaneDns
  readonly keptVersions: VersionsConfig
  /** Those of them that speak ACME. */
  readonly acme: readonly AcmeIssuer[]
  readonly oldCredentials: OldCredentials
  readonly bell: WorkBell
  readonly pace: FleetPace
}
