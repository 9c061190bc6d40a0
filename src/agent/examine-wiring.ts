import type { HostView } from '../connector/connector.ts'
import type { Wiring } from '../connector/wiring.ts'
import type { Engine } from './engine.ts'
import type { Finding } from './examine.ts'

/** The wiring of each kind of daemon that can tell it; null: it is not installed here, or does not answer. */
export async function findWiring({
  registry,
  hostView,
}: Pick<Engine, 'registry' | 'hostView'>): Promise<
  readonly { readonly connector: string; readonly found: Wiring | null }[]
> {
  return Promise.all(
    registry.connectors
      .filter(({ readWiring }) => readWiring !== undefined)
      .map(async (connector) => ({
        connector: connector.name,
        found: (await connector.readWiring?.(hostView)) ?? null,
      })),
  )
}

/** Whether its listeners speak TLS, and the files that they are to read are there. */
export async function examineWiring(
  connector: string,
  found: Pick<Wiring, 'listeners'> | null,
  hostView: Pick<HostView, 'exists'>,
): Promise<Finding> {
  const what = `wiring of ${connector}`
  if (found === null) return { what, verdict: 'ok', detail: 'it is not installed here, or does not answer' }
  const { listeners } = found
  if (listeners.length === 0)
    return { what, verdict: 'warning', detail: 'none of its listeners speaks TLS: see docs/wiring.md' }
  const paths = [...new Set(listeners.flatMap(({ files }) => files.map(({ path }) => path)))]
  const areThere = await Promise.all(paths.map((path) => hostView.exists(path)))
  const missing = paths.filter((_, index) => areThere[index] !== true)
  if (missing.length === 0) return { what, verdict: 'ok', detail: `${listeners.length} TLS listeners` }
  const way = 'put the present pair there, or name the one that is there'
  const detail = `it is to read ${missing.join(', ')}, which is not there, or not for this user to see: ${way}`
  return { what, verdict: 'warning', detail }
}
