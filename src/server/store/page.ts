/** A part of a list, in the order of its keys. */
export interface Page {
  /** The key of the last one that is known; left out: from the start. */
  readonly after?: string | undefined
  readonly limit: number
}
