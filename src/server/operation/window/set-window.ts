import { nearest } from '../../../error/nearest.ts'
import { whyNoWindow } from '../../rollout/window.ts'
import type { Label } from '../../store/label-store.ts'
import type { ListedWindow, WindowRow } from '../../store/window-store.ts'
import { mostWindows } from '../../store/window-store.ts'
import { type Actor, audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'

/** A window as it is asked for. */
export type WantedWindow = Omit<WindowRow, 'createdAt' | 'createdBy'>

/** All of them, by label. */
export function listWindows({ store }: Pick<Parts, 'store'>): Promise<readonly ListedWindow[]> {
  return store.windows.list()
}

/** Sets the window of a label, in place of the one that it had. What the scheduler holds already goes by it within seconds. */
export function setWindow({ store }: Pick<Parts, 'store'>, actor: Actor, wanted: WantedWindow): Promise<ListedWindow> {
  return store.transaction(async (inside) => {
    const at = await inside.now()
    const why = whyNoWindow(wanted, at)
    if (why !== null) throw new Refusal('invalid', why)
    const { name, value, ...window } = wanted
    const row = { ...wanted, createdAt: at, createdBy: actor }
    if (!(await inside.windows.set(row)))
      throw new Refusal('conflict', `there are ${mostWindows} windows at most: remove one first`)
    await inside.windows.endTimes({ name, value }, at)
    await audit(inside, actor, 'window.set', `${name}=${value}`, window)
    const set = (await inside.windows.list()).find((one) => one.name === name && one.value === value)
    return set ?? { ...row, agents: 0 }
  })
}

/** Removes the window of a label: what it holds is handed out within seconds, unless another one holds it. */
export function removeWindow({ store }: Pick<Parts, 'store'>, actor: Actor, label: Label): Promise<void> {
  return store.transaction(async (inside) => {
    if (!(await inside.windows.remove(label))) throw await noSuch(inside.windows.list(), label)
    await inside.windows.endTimes(label, await inside.now())
    await audit(inside, actor, 'window.remove', `${label.name}=${label.value}`)
  })
}

async function noSuch(windows: Promise<readonly WindowRow[]>, { name, value }: Label): Promise<Refusal> {
  const meant = nearest(
    `${name}=${value}`,
    (await windows).map((one) => `${one.name}=${one.value}`),
  )
  return new Refusal(
    'missing',
    `this label has no window: ${name}=${value}${meant === null ? '' : `; is ${meant} meant?`}`,
  )
}
