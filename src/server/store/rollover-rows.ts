/** A target whose TLSA records the control plane keeps right (docs/design/dane.md). Times: milliseconds since 1970, UTC. */
export interface RolloverRow {
  readonly targetId: string
  readonly turnedOnAt: number
  readonly turnedOnBy: string
  /** From then on any server looks at it. */
  readonly nextLookAt: number
}

/** One owner name of its records, and what the DNS said of it last. */
export interface RolloverNameRow {
  readonly targetId: string
  /** `_25._tcp.mx.example.org`. */
  readonly name: string
  /** Where its aliases end; null: it was not looked at yet. */
  readonly endName: string | null
  /** The beginning of the last look that found something out. */
  readonly lookedAt: number | null
  /** The longest TTL that a server may have given out since then. */
  readonly ttlMs: number
  /** Until then a cache may keep an answer that was given out up to then; 0: none was seen. */
  readonly cachedUntil: number
  /** Records that at least one server has, as zone files have them. */
  readonly seen: readonly string[]
  /** No zone of the configuration has it: a person publishes. */
  readonly isByHand: boolean
  /** Why nothing may be handed out by that look, or what could not be published; null: nothing is wrong. */
  readonly problem: string | null
}

/** docs/design/dane.md, §3. */
export type TlsaState = 'wanted' | 'publishing' | 'published' | 'leaving' | 'removing'

/** The record `3 1 1` of one key at one name. */
export interface TlsaRow {
  readonly targetId: string
  readonly name: string
  /** SHA-256 of the key (SPKI), hex. */
  readonly spki: string
  readonly state: TlsaState
  /** Another record matches already: this one is not published. */
  readonly isByOther: boolean
  /** The longest TTL of an answer without it since it was wanted. */
  readonly lackingMs: number
  /** Since when it was seen everywhere, and believed; null: it is not. */
  readonly seenAt: number | null
  /** It is usable so long after `seenAt`. */
  readonly waitMs: number
  readonly changedAt: number
  /** When it was last told to be published or removed. */
  readonly actedAt: number | null
}

/** The record of a key for another target, or for another name of the same one. */
export interface TlsaElsewhere extends Pick<TlsaRow, 'spki' | 'state' | 'isByOther'> {
  /** It is in the same place; false: nobody could follow its name yet, and it may be. */
  readonly isThere: boolean
}

/** Another target with roll-over whose name ends where another does, or may. */
export interface SharingTarget extends Pick<RolloverRow, 'targetId' | 'turnedOnAt'>, Pick<RolloverNameRow, 'lookedAt'> {
  readonly targetName: string
  /** It ends there; false: nobody could follow its name yet. */
  readonly isThere: boolean
}

/** A job that may be handed out, with this version, until then. */
export interface RolloverPass {
  readonly jobId: string
  readonly versionNumber: number
  readonly until: number
}
