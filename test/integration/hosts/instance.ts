import type { Connector } from '../../../src/connector/connector.ts'

/** A private daemon of a bundle, which runs. */
export interface Instance {
  readonly connector: Connector
  /** What a target of it says to reach this instance. */
  readonly config: Readonly<Record<string, unknown>>
}
