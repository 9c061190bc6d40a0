import type { ServerPair } from '../host/socket/renewable-https.ts'
import type { Authority } from './authority/authority.ts'
import { readVersion } from './authority/read-version.ts'
import { dueAt } from './renewal/when-due.ts'
import type { Store } from './store/store.ts'

const dayMs = 86_400_000

/** The control plane's own certificate. */
export interface OwnPair {
  readonly pair: ServerPair
  /** Makes the next CA, and the next pair, when it is time. `exchange`: is given the new pair. */
  tend(exchange: (pair: ServerPair) => void): Promise<void>
}

/**
 * Issues the pair of this server. `mayRenewCa` false: other servers sign with the same CA, and a next one that each makes for itself
 * would not be the same.
 */
export async function openOwnPair(
  store: Pick<Store, 'now'>,
  authority: Authority,
  names: readonly string[],
  mayRenewCa: boolean,
): Promise<OwnPair> {
  const pair = await authority.issueServerPair(names)
  let { begin, due } = planOf(pair)
  return {
    pair,
    tend: async (exchange) => {
      const now = await store.now()
      if (mayRenewCa) await authority.tend(now)
      // One that begins later was made while the clock was ahead: no agent takes it yet.
      if (now < due && begin <= now + dayMs) return
      const next = await authority.issueServerPair(names, now)
      exchange(next)
      ;({ begin, due } = planOf(next))
    },
  }
}

function planOf({ certificatePem }: ServerPair): { readonly begin: number; readonly due: number } {
  const version = readVersion(certificatePem)
  return { begin: version.notBefore, due: dueAt({ ...version, certificateId: 'control-plane' }, null) }
}
