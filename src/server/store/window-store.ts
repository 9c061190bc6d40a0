import type { Label } from './label-store.ts'
import type { JobRow } from './rows.ts'

/** When renewals of agents with a label are handed out. Times are milliseconds. */
export interface WindowRow extends Label {
  readonly cron: string
  readonly forMs: number
  readonly timeZone: string
  readonly createdAt: number
  readonly createdBy: string
}

/** A window with how many active agents have its label. */
export interface ListedWindow extends WindowRow {
  readonly agents: number
}

/** So many there may be. */
export const mostWindows = 100

/** Windows of renewals: a label has one at most. Jobs of roll-outs are held to those of their roll-outs, and never to these. */
export interface WindowStore {
  /** By label. */
  list(): Promise<readonly ListedWindow[]>
  /** Of the labels that an agent has. */
  of(agentId: string): Promise<readonly WindowRow[]>
  /** In place of the one that the label had. False: there are too many. */
  set(row: WindowRow): Promise<boolean>
  /** False: the label has none. */
  remove(label: Label): Promise<boolean>
  /** Jobs that a window holds whose times are over, and that have not begun, the earliest first. */
  over(at: number, limit: number): Promise<readonly JobRow[]>
  /** Has `over` find what windows hold of an agent, or of all that have a label. */
  endTimes(of: { readonly agentId: string } | Label, at: number): Promise<void>
}
