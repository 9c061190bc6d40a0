import type { Publisher } from '../../dns/publish.ts'
import type { DnsServer } from '../../host/socket/dns-exchange.ts'
import type { NotifySettings } from '../../notice/notify-settings.ts'
import type { Rate } from '../renewal/within-rate.ts'

/** The control plane's configuration with every default resolved; deeply frozen. */
export interface ServerConfig {
  /** How records of zones are published. */
  readonly dns: readonly DnsZone[]
  /** Whom DNS questions are asked that are not for a zone's own servers; empty: the system's resolvers. */
  readonly resolvers: readonly DnsServer[]
  readonly issuers: IssuersConfig
  /** Who is told of what is the matter; null: nobody. */
  readonly notify: NotifySettings | null
  readonly versions: VersionsConfig
}

/** Which old versions of certificates are kept. */
export interface VersionsConfig {
  /** So many of each certificate, the newest. */
  readonly keep: number
  /** And all others until so many milliseconds behind their end. */
  readonly keptMs: number
}

/** How records of a zone, and of those below it that have no entry of their own, are published. `zone`: lower case, without a dot at its end. */
export type DnsZone = Publisher & {
  /** `authoritative`: until every server of the zone has the record; else so many milliseconds. */
  readonly wait: 'authoritative' | number
}

/** Who signs certificates. */
export interface IssuersConfig {
  /** Whether the bundled CA signs. */
  readonly hasLocal: boolean
  /** Beside the bundled CA, as they are written. */
  readonly others: readonly (AcmeIssuerConfig | ModuleIssuerConfig)[]
  /** Names of those that are asked, in this order, where a certificate names none. */
  readonly order: readonly string[]
}

/** A CA that is spoken to by ACME (RFC 8555). */
export interface AcmeIssuerConfig {
  readonly kind: 'acme'
  readonly name: string
  /** URL of its directory. */
  readonly directory: string
  /** Null: one in the data directory, which is made there. */
  readonly accountKey: string | null
  /** `mailto:` URLs. */
  readonly contact: readonly string[]
  readonly eab: ExternalAccount | null
  /** One of those that its directory names; null: the CA's own default. */
  readonly profile: string | null
  /** PEM file of the roots to trust; null: the system's. */
  readonly caFile: string | null
  /** In the order in which they are tried. */
  readonly challenges: readonly ('dns' | 'http')[]
  /** Whether this server looks for the answer to an http-01 challenge itself, before it has the CA look. */
  readonly looksFirst: boolean
  /** What the CA is asked for at most. */
  readonly limits: AcmeLimits
}

/** An account that is there already at the CA (RFC 8555, 7.3.4). */
export interface ExternalAccount {
  readonly kid: string
  /** A file with the MAC key, base64url. */
  readonly keyFile: string
}

/** Counted over all servers of a database; null: not counted. */
export interface AcmeLimits {
  /** Certificates for one and the same set of names. */
  readonly sameNames: Rate | null
  /** Certificates for names of one registered domain that renew no other. */
  readonly registeredDomain: Rate | null
  /** ACME orders of the account. */
  readonly orders: Rate | null
  /** Failed proofs of one name. */
  readonly failures: Rate | null
}

/** An issuer from outside. */
export interface ModuleIssuerConfig {
  readonly kind: 'module'
  readonly name: string
  /** Absolute path of an ES module. */
  readonly module: string
  /** Handed to it as it is. */
  readonly config: Readonly<Record<string, unknown>>
}
