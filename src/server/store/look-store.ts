/** A look from outside that an agent is asked for. Times are milliseconds since 1970, UTC; null: there is none. */
export interface LookRow {
  readonly id: string
  readonly agentId: string
  readonly domain: string
  readonly askedAt: number
  readonly askedBy: string
  /** It was handed out once: what becomes of it then, only its report tells. */
  readonly handedAt: number | null
  readonly endedAt: number | null
  /** JSON, as the agent told it; null: none came. */
  readonly report: string | null
  /** Why there is none. */
  readonly refusal: string | null
}

/** Looks from outside. */
export interface LookStore {
  /** False: so many of this agent are open already. */
  add(look: LookRow, most: number): Promise<boolean>
  byId(id: string): Promise<LookRow | null>
  /** Those of this agent that nobody has; they are handed out with this call. */
  take(agentId: string, at: number, limit: number): Promise<readonly LookRow[]>
  /** False: it is not of this agent, or is over. */
  end(id: string, agentId: string, at: number, report: string | null, refusal: string | null): Promise<boolean>
  /** Ends what was asked before `before`, and forgets what was asked before `old`. */
  expire(at: number, before: number, old: number, refusal: string): Promise<void>
}
