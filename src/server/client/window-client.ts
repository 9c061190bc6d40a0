import type { WindowBody, windowOnWire } from '../route/operator-windows.ts'
import type { Call } from './people-client.ts'

/** A window of renewals as the control plane tells it. */
export type ToldWindow = ReturnType<typeof windowOnWire>

/** The operator's calls about windows of renewals; a label is `name=value`. */
export interface WindowCalls {
  windows(): Promise<readonly ToldWindow[]>
  setWindow(window: WindowBody): Promise<ToldWindow>
  removeWindow(label: string): Promise<{ readonly label: string; readonly status: string }>
}

/** These calls over the client's own. */
export function windowCalls(call: Call): WindowCalls {
  return {
    windows: async () => (await call<{ windows: readonly ToldWindow[] }>('GET', '/windows')).windows,
    setWindow: (window) => call('POST', '/windows', window),
    removeWindow: (label) => call('POST', '/windows/remove', { label }),
  }
}
