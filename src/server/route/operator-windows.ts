import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import type { Parts } from '../operation/parts.ts'
import { listWindows, removeWindow, setWindow } from '../operation/window/set-window.ts'
import type { ListedWindow } from '../store/window-store.ts'
import { labelOf } from './label-query.ts'
import { timeOnWire } from './on-wire.ts'
import { windowRemovalSchema, windowSchema } from './schemas-of-windows.ts'

/** The window of a label as an operator sends it. */
export interface WindowBody {
  /** `name=value`. */
  readonly label: string
  /** Cron expression of five fields. */
  readonly start: string
  readonly for_s: number
  /** Left out: UTC. */
  readonly time_zone?: string
}

/** The operator's calls about the windows of renewals. */
export function operatorWindowRoutes(server: FastifyInstance, parts: Parts): void {
  server.get('/windows', async () => ({ windows: (await listWindows(parts)).map(windowOnWire) }))

  server.post<{ Body: WindowBody }>('/windows', { schema: { body: windowSchema } }, async (request) => {
    const { label, start: cron, for_s: forS, time_zone: timeZone = 'UTC' } = request.body
    const wanted = { ...labelOf(label), cron, forMs: forS * 1000, timeZone }
    return windowOnWire(await setWindow(parts, actorOf(request), wanted))
  })

  server.post<{ Body: { readonly label: string } }>(
    '/windows/remove',
    { schema: { body: windowRemovalSchema } },
    async (request) => {
      const { label } = request.body
      await removeWindow(parts, actorOf(request), labelOf(label))
      return { label, status: 'removed' }
    },
  )
}

/** A window as an operator sees it. */
export function windowOnWire(window: ListedWindow) {
  const { name, value, cron, forMs, timeZone, agents, createdAt, createdBy } = window
  return {
    label: `${name}=${value}`,
    start: cron,
    for_s: forMs / 1000,
    time_zone: timeZone,
    agents,
    set_at: timeOnWire(createdAt),
    set_by: createdBy,
  }
}
