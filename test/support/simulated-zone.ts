import { type TlsaLook, type TlsaRecord, tlsaText } from '../../src/server/dane/tlsa.ts'

/** What a server of a zone had for a while. */
interface Had {
  readonly from: number
  to: number | null
  readonly records: readonly TlsaRecord[]
  readonly ttlMs: number
}

/** One set of TLSA records on a primary and two secondaries that follow late, with all that caches may still have of it. */
export interface SimulatedZone {
  readonly negativeMs: number
  /** Of the name itself, at the primary. */
  readonly records: readonly TlsaRecord[]
  /** Changes the primary. */
  change(work: (records: readonly TlsaRecord[]) => readonly TlsaRecord[], ttlMs?: number): void
  /** When the next secondary takes over what the primary has. */
  nextTransfer(): number
  transfer(): void
  /** Every set that a server gives out, or a cache may have. */
  possible(): readonly (readonly TlsaRecord[])[]
  /** Of each server; some are silent. */
  look(isSilent: () => boolean): Omit<TlsaLook, 'believed' | 'isByHand' | 'endName'>
}

/** What is in a zone at the beginning. */
export interface FirstRecords {
  readonly records: readonly TlsaRecord[]
  /** Of a wildcard: what is answered where there is no record of the name itself. */
  readonly wildcard: readonly TlsaRecord[]
  readonly ttlMs: number
}

/** Opens one. `lagMs`: how late a secondary is this time. */
export function simulatedZone(now: () => number, lagMs: () => number, first: FirstRecords): SimulatedZone {
  const negativeMs = 900_000
  const begin = { from: now(), to: null, records: first.records, ttlMs: first.ttlMs }
  const servers: Had[][] = [[{ ...begin }], [{ ...begin }], [{ ...begin }]]
  const transfers: { readonly at: number; readonly server: number }[] = []
  let ttlMs = first.ttlMs
  const current = (server: number): Had => servers[server]?.at(-1) ?? begin
  const put = (server: number, records: readonly TlsaRecord[], ttl: number): void => {
    current(server).to = now()
    servers[server]?.push({ from: now(), to: null, records, ttlMs: ttl })
  }
  const answerOf = ({ records }: Had): readonly TlsaRecord[] => (records.length === 0 ? first.wildcard : records)
  const keptMs = (had: Had): number => (answerOf(had).length === 0 ? negativeMs : had.ttlMs)
  return {
    negativeMs,
    get records() {
      return current(0).records
    },
    change: (work, ttl = ttlMs) => {
      ttlMs = ttl
      put(0, work(current(0).records), ttl)
      for (const server of [1, 2]) transfers.push({ at: now() + lagMs(), server })
    },
    nextTransfer: () => Math.min(...transfers.map(({ at }) => at)),
    transfer: () => {
      for (const one of transfers.filter(({ at }) => at <= now())) {
        transfers.splice(transfers.indexOf(one), 1)
        put(one.server, current(0).records, current(0).ttlMs)
      }
    },
    possible: () => {
      for (const had of servers)
        had.splice(0, had.length, ...had.filter((one) => one.to === null || one.to + keptMs(one) > now()))
      return servers.flat().map(answerOf)
    },
    look: (isSilent) => {
      const answering = servers.map((_, server) => server).filter(() => !isSilent())
      return {
        answers: answering.map((server) => ({
          server: 'ns',
          records: answerOf(current(server)),
          ttlMs: keptMs(current(server)),
        })),
        negativeMs,
        problem: answering.length === servers.length ? null : 'a server of the zone gives no answer',
        settleMs: 0,
      }
    },
  }
}

/** Without these. */
export function without(records: readonly TlsaRecord[], gone: readonly TlsaRecord[]): readonly TlsaRecord[] {
  return records.filter((record) => !gone.some((one) => tlsaText(one) === tlsaText(record)))
}
