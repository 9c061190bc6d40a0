import type { HostView } from '../connector/host-view.ts'
import { isUnwired, type Unwired, type Wiring } from '../connector/wiring/wiring.ts'
import { daemonsHere } from '../deployer/daemons-here.ts'
import type { Engine } from '../deployer/engine.ts'
import type { Finding } from './finding.ts'

/** What one daemon says of its listeners. */
export interface AskedWiring {
  /** `nginx`; `nginx, instance web`. */
  readonly connector: string
  readonly found: Wiring | Unwired
}

/** The wiring of each daemon that has such settings. */
export async function findWiring(
  engine: Pick<Engine, 'registry' | 'instances' | 'hostView'>,
): Promise<readonly AskedWiring[]> {
  const asked = (await daemonsHere(engine)).map(async ({ label, connector: { readWiring } }) =>
    readWiring === undefined ? [] : [{ connector: label, found: await readWiring(engine.hostView) }],
  )
  return (await Promise.all(asked)).flat()
}

/** Whether its settings can be read, its listeners speak TLS, and the files that they are to read are there. */
export async function examineWiring(
  { connector, found }: AskedWiring,
  hostView: Pick<HostView, 'exists'>,
): Promise<Finding> {
  const what = `wiring of ${connector}`
  if (isUnwired(found)) {
    if (found.unwired === 'not installed')
      return { what, verdict: 'ok', detail: `it is not installed here: ${found.reason}` }
    const said = found.said === undefined ? '' : ` It printed: ${found.said}`
    if (found.unwired === 'denied') return { what, verdict: 'warning', detail: found.reason + said }
    return { what, verdict: 'failed', detail: `${found.reason}${said} Mend the configuration of ${connector}.` }
  }
  const { listeners, doubts, warnings = [] } = found
  const ofListeners = listeners.flatMap(({ doubt }) => (doubt === undefined ? [] : [doubt]))
  const all = [...new Set([...doubts, ...ofListeners, ...warnings])]
  const told = all.length === 0 ? '' : `. ${all.join(' ')}`
  if (listeners.length === 0)
    return { what, verdict: 'warning', detail: `none of its listeners speaks TLS: see docs/wiring.md${told}` }
  const paths = [...new Set(listeners.flatMap(({ files }) => files.map(({ path }) => path)))]
  const areThere = await Promise.all(paths.map((path) => hostView.exists(path)))
  const missing = paths.filter((_, index) => areThere[index] !== true)
  const count = `${listeners.length} TLS listeners`
  if (missing.length === 0) return { what, verdict: all.length === 0 ? 'ok' : 'warning', detail: count + told }
  const way = 'put the present pair there, or name the one that is there'
  const detail = `it is to read ${missing.join(', ')}, which is not there, or not for this user to see: ${way}${told}`
  return { what, verdict: 'warning', detail }
}
