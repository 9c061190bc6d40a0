import type { TlsaLook, TlsaRecord } from '../../dane/tlsa.ts'

/** What the roll-over asks of the DNS. */
export interface DaneDns {
  /** What all servers of a name's zone say, and what a validating resolver believes. Never throws: what failed is in `problem`. */
  look(owner: string): Promise<TlsaLook>
  /** At the end of the aliases, all of them at once where the zone's server can, else in this order; what is there or gone already is no failure. DNS_UPDATE_FAILED. */
  publish(endName: string, records: readonly TlsaRecord[], ttlMs: number): Promise<void>
  remove(endName: string, records: readonly TlsaRecord[]): Promise<void>
}
