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

/** Opens one. `lagMs`: how late a secondary is this time. */
export function simulatedZone(
  now: () => number,
  lagMs: () => number,
  first: readonly TlsaRecord[],
  firstTtlMs: number,
): SimulatedZone {
  const negativeMs = 900_000
  const begin = { from: now(), to: null, records: first, ttlMs: firstTtlMs }
  const servers: Had[][] = [[{ ...begin }], [{ ...begin }], [{ ...begin }]]
  const transfers: { readonly at: number; readonly server: number }[] = []
  let ttlMs = firstTtlMs
  const current = (server: number): Had => servers[server]?.at(-1) ?? begin
  const put = (server: number, records: readonly TlsaRecord[], ttl: number): void => {
    current(server).to = now()
    servers[server]?.push({ from: now(), to: null, records, ttlMs: ttl })
  }
  const keptMs = ({ records, ttlMs: ttl }: Had): number => (records.length === 0 ? negativeMs : ttl)
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
      return servers.flat().map(({ records }) => records)
    },
    look: (isSilent) => {
      const answering = servers.map((_, server) => server).filter(() => !isSilent())
      return {
        answers: answering.map((server) => ({
          server: 'ns',
          records: current(server).records,
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
