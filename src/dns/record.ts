/** One TLSA record (RFC 6698). */
export interface TlsaRecord {
  readonly usage: number
  readonly selector: number
  readonly matchingType: number
  /** Lower-case hex. */
  readonly data: string
}

/** One CAA record (RFC 8659). */
export interface CaaRecord {
  readonly isCritical: boolean
  /** In lower case. */
  readonly tag: string
  readonly value: string
}

/** What is read of a record, by its type. Names are in lower case, without the dot at the end. */
export interface RecordData {
  readonly A: string
  readonly AAAA: string
  readonly CNAME: string
  readonly NS: string
  readonly MX: { readonly preference: number; readonly exchange: string }
  readonly SOA: { readonly serial: number; readonly minimum: number }
  readonly TXT: string
  readonly TLSA: TlsaRecord
  readonly CAA: CaaRecord
}

export type RecordType = keyof RecordData

/** A record of a type that is read here. */
export type DnsRecord = {
  readonly [T in RecordType]: {
    readonly name: string
    readonly type: T
    /** In seconds; as a resolver gives it, it is what is left. */
    readonly ttl: number
    readonly data: RecordData[T]
  }
}[RecordType]

/** The records of one type among others. */
export function recordsOf<T extends RecordType>(
  type: T,
  records: readonly DnsRecord[],
): readonly Extract<DnsRecord, { type: T }>[] {
  return records.filter((record): record is Extract<DnsRecord, { type: T }> => record.type === type)
}
