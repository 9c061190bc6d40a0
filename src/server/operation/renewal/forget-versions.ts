import type { VersionsConfig } from '../../config/server-config.ts'
import type { Store } from '../../store/store.ts'

/** Certificates, at each look; the next one goes on behind them. */
const mostAtOnce = 200

/** Looks through old versions, part by part, and removes what nobody needs any more. The audit trail has that they were signed. */
export class OldVersions {
  readonly #store: Pick<Store, 'pruning' | 'now'>
  readonly #kept: VersionsConfig
  #after = ''

  constructor(store: Pick<Store, 'pruning' | 'now'>, kept: VersionsConfig) {
    this.#store = store
    this.#kept = kept
  }

  /** One part; behind the last one it begins again. Returns how many are gone. */
  async forget(): Promise<number> {
    const endedBefore = (await this.#store.now()) - this.#kept.keptMs
    const part = await this.#store.pruning.prune({ keep: this.#kept.keep, endedBefore }, this.#after, mostAtOnce)
    this.#after = part?.last ?? ''
    return part?.count ?? 0
  }
}
