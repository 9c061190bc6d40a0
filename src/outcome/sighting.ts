/** Where and why a look failed. */
export interface LookFailure {
  readonly phase: string
  readonly reason: string
}

/** What one listener showed before anything was touched: what it shows afterwards is judged by it. */
export interface Sighting {
  /** SHA-256 of the leaf's DER, lower-case hex; null: none was seen. */
  readonly leaf: string | null
  /** The same of what came after the leaf, in its order. */
  readonly chain: readonly string[]
  /** An issuer of the leaf came with it, and it is no root. */
  readonly isChained: boolean
  /** Null where a leaf was seen. */
  readonly failure: LookFailure | null
}

/** Whether both failed, in the same phase and for the same reason: what differs from look to look aside. */
export function isSameFailure(one: LookFailure | null, other: LookFailure | null): boolean {
  if (one === null || other === null) return false
  return one.phase === other.phase && normalised(one.reason) === normalised(other.reason)
}

/** Whether nobody listens there, by the text of a look. */
export function isRefusedConnection(error: string | null): boolean {
  return /^connect: .*ECONNREFUSED/.test(error ?? '')
}

/** Times, ids and long numbers aside; a server that hangs up is seen as an end or as a reset, as it comes. */
function normalised(reason: string): string {
  if (/ECONNRESET|EPIPE|closed the connection/.test(reason)) return 'closed'
  return reason
    .toLowerCase()
    .replaceAll(/\d+(?::\d+)+(?:\.\d+)?/g, '#')
    .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{5,}\b/g, '#')
    .replaceAll(/\d{4,}/g, '#')
}
