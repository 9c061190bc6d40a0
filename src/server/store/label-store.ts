/** What an agent is labelled with, by name. */
export type Labels = Readonly<Record<string, string>>

/** A label that an agent must have. */
export interface Label {
  readonly name: string
  readonly value: string
}

/** Of one agent. */
export const mostLabels = 32

/** Labels of agents: `name=value`, a name once for each. */
export interface LabelStore {
  of(agentId: string): Promise<Labels>
  /** Nobody else changes the labels of this agent until the end of the transaction. */
  lock(agentId: string): Promise<void>
  /** In place of the value that the name had. */
  set(agentId: string, label: Label): Promise<void>
  /** False: it has none of this name. */
  remove(agentId: string, name: string): Promise<boolean>
  /** Whether any agent has it. */
  isThere(label: Label): Promise<boolean>
  /** That there are, at most a thousand, to say what may have been meant. */
  known(): Promise<readonly Label[]>
}
