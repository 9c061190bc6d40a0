import type { HoldRow, OnHostRow } from './rows.ts'

/** Agents that are asked first after a restore, and what they said. */
export interface HoldStore {
  add(hold: HoldRow): Promise<void>
  of(agentId: string): Promise<HoldRow | null>
  /** Notes the first question that it took. */
  asked(agentId: string, at: number): Promise<void>
  /** No question to it is open any more. */
  isAnswered(agentId: string): Promise<boolean>
  /** Those that have taken a question at `askedBefore` or earlier, or of which no validation is open any more. */
  over(askedBefore: number, limit: number): Promise<readonly HoldRow[]>
  /** False: another server was first. */
  remove(agentId: string): Promise<boolean>
  count(): Promise<number>
  /** In place of what was seen on the target before. */
  see(row: OnHostRow): Promise<void>
  seen(certificateId: string): Promise<readonly OnHostRow[]>
}
