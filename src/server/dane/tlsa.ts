/** One TLSA record (RFC 6698). */
export interface TlsaRecord {
  readonly usage: number
  readonly selector: number
  readonly matchingType: number
  /** Lower-case hex. */
  readonly data: string
}

/** What one authoritative server said of an owner name. */
export interface ServerAnswer {
  /** For people: its name and address. */
  readonly server: string
  readonly records: readonly TlsaRecord[]
  /** For how long a cache may keep it: the TTL of the records, or of their absence. */
  readonly ttlMs: number
}

/** What the DNS says of an owner name. */
export interface TlsaLook {
  /** Where its aliases end: records are published there. Null: that cannot be told. */
  readonly endName: string | null
  /** Of every authoritative server that answered. */
  readonly answers: readonly ServerAnswer[]
  /** For how long a cache may keep the answer that there is none. */
  readonly negativeMs: number
  /** As a validating resolver over loopback believes them; null: no answer, or one without AD. */
  readonly believed: readonly TlsaRecord[] | null
  /** Why this is not all that the world may see; null: every server answered, and the resolver believed. */
  readonly problem: string | null
  /** Nothing says how its zone is published. */
  readonly isByHand: boolean
  /** For so long the zone's servers may differ behind one address, by the word of the configuration. */
  readonly settleMs: number
}

/** The record that is published for a key. */
export function recordOf(spki: string): TlsaRecord {
  return { usage: 3, selector: 1, matchingType: 1, data: spki }
}

/** The value of a record as zone files have it. */
export function tlsaText({ usage, selector, matchingType, data }: TlsaRecord): string {
  return `${usage} ${selector} ${matchingType} ${data}`
}

/** Whether senders look at it at all (RFC 7672 §3.1, RFC 6698 §2.1): one of another kind is as good as none. */
export function isUsableBySenders({ usage, selector, matchingType, data }: TlsaRecord): boolean {
  return usage <= 3 && selector <= 1 && matchingType <= 2 && data !== ''
}

const owner = /^_(\d{1,5})\._(tcp|udp|sctp)((\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){2,})$/

/** An owner name such as `_25._tcp.mx.example.org`, in lower case and without the dot at its end; null: it is none. */
export function asOwner(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '')
  const port = Number(owner.exec(name)?.[1] ?? 0)
  return port >= 1 && port <= 65_535 && name.length <= 253 ? name : null
}

/** The host that an owner name is about. */
export function hostOf(ownerName: string): string {
  return ownerName.split('.').slice(2).join('.')
}
