import type { Connector, OwnService } from '../../connector/connector.ts'
import type { HostView } from '../../connector/host-view.ts'
import { isUnwired, type Wiring } from '../../connector/wiring/wiring.ts'
import { processNames } from '../../host/process/process-names.ts'
import { countListening } from '../../host/socket/listening-sockets.ts'
import { daemonsHere } from '../daemons-here.ts'
import type { Engine } from '../engine.ts'

/** A daemon that runs, and what it reads. */
export interface RunningDaemon {
  readonly connector: Connector & { readonly own: OwnService }
  readonly wiring: Wiring
}

/** How sure it is, before its settings are read, that a daemon runs. */
type Life = 'runs' | 'may run' | 'does not run'

/** Every daemon that runs here and says what it reads. One whose configuration is broken says nothing: `check` tells that. */
export async function readRunning(engine: Engine): Promise<readonly RunningDaemon[]> {
  const { hostView } = engine
  const seen = seenOnce(hostView)
  const asked = (await daemonsHere(engine)).map(async ({ connector }): Promise<readonly RunningDaemon[]> => {
    const { own } = connector
    if (own === undefined || connector.readWiring === undefined) return []
    const life = await lifeOf(own.signs, hostView, seen)
    if (life === 'does not run') return []
    const wiring = await connector.readWiring(hostView).catch(() => null)
    if (wiring === null || isUnwired(wiring)) return []
    return life === 'runs' || (await listens(wiring)) ? [{ connector: { ...connector, own }, wiring }] : []
  })
  return (await Promise.all(asked)).flat()
}

/** systemd has a link here for each unit that is active. */
const unitsFolder = '/run/systemd/units'

interface Seen {
  /** The active units; null: there is no systemd. */
  readonly units: () => Promise<readonly string[] | null>
  readonly processes: () => Promise<readonly string[]>
}

function seenOnce(hostView: HostView): Seen {
  let units: ReturnType<Seen['units']> | null = null
  let processes: ReturnType<Seen['processes']> | null = null
  return {
    units: () => (units ??= activeUnits(hostView)),
    processes: () => (processes ??= processNames()),
  }
}

async function lifeOf(signs: OwnService['signs'], hostView: HostView, seen: Seen): Promise<Life> {
  if (signs === 'answers') return 'runs'
  if (signs === 'sockets') return 'may run'
  const named = await Promise.all(signs.pidFiles.map((path) => namesProcess(path, hostView)))
  if (named.includes(true)) return 'runs'
  const units = await seen.units()
  const isSeen =
    units === null ? (await seen.processes()).includes(signs.process) : signs.units.some((unit) => units.includes(unit))
  return isSeen ? 'may run' : 'does not run'
}

/** `nginx -t` leaves an empty file where no nginx runs. */
async function namesProcess(pidFile: string, hostView: HostView): Promise<boolean> {
  const text = await textOf(pidFile, hostView)
  return /^\s*[1-9]\d*\s/.test(text)
}

async function activeUnits(hostView: HostView): Promise<readonly string[] | null> {
  const names = await hostView.list(unitsFolder)
  return names?.flatMap((name) => (name.startsWith('invocation:') ? [name.slice('invocation:'.length)] : [])) ?? null
}

async function textOf(path: string, hostView: HostView): Promise<string> {
  const bytes = await hostView.readFile(path).catch(() => null)
  return Buffer.from(bytes ?? []).toString('latin1')
}

/** Whether one of its TLS sockets is there: a unit may be active, and its daemon gone. */
async function listens({ listeners }: Wiring): Promise<boolean> {
  const places = new Map(listeners.map(({ host, port }) => [`${host} ${port}`, { host, port }]))
  const counts = await Promise.all([...places.values()].map(({ host, port }) => countListening(host, port)))
  return counts.some((count) => count > 0)
}
