import type { Page } from './page.ts'
import type { AgentRow, CredentialRow, ListedToken, OperatorRow, RegistrationRow, TokenRow } from './rows.ts'

/** Credentials of agents, by their digests. */
export interface CredentialStore {
  add(credential: CredentialRow): Promise<void>
  /** That was not revoked, with its agent. */
  find(hash: string): Promise<{ readonly credential: CredentialRow; readonly agent: AgentRow } | null>
  /** The agent whose newer credential, which is in use, was exchanged for this one; null: this is no such credential. */
  replaced(hash: string): Promise<AgentRow | null>
  /** Notes the first use. */
  use(hash: string, at: number): Promise<void>
  /** All of an agent but `keep`; returns how many. */
  revoke(agentId: string, at: number, keep?: string): Promise<number>
  /** Of an agent, those that were never used; returns how many. */
  revokeUnused(agentId: string, at: number): Promise<number>
  /** Whether a credential of the agent that was made at `since` or later was ever used. */
  wereUsed(agentId: string, since: number): Promise<boolean>
}

/** The id of a token: so many digits of its digest, from the first on. */
export const tokenIdLength = 16

/** Bootstrap tokens, and what was registered with them. */
export interface TokenStore {
  add(token: TokenRow): Promise<void>
  find(hash: string): Promise<TokenRow | null>
  /** Takes one use; null: there is none left, or it has ended. */
  take(hash: string, at: number): Promise<TokenRow | null>
  endAll(): Promise<void>
  /** Those that this operator has made (`operator:NAME`). */
  endOf(createdBy: string): Promise<void>
  /** By the time when they were made; `after`: an id. */
  list(page: Page): Promise<readonly ListedToken[]>
  /** Ends the one with this id; false: none that is good has it. */
  end(id: string, at: number): Promise<boolean>
  /** Forgets those that were used up or had ended at `until` already, with what was registered with them; returns how many. */
  forget(until: number): Promise<number>
  addRegistration(registration: RegistrationRow): Promise<void>
  /** The agent that this key and this token registered. */
  registered(keyHash: string, tokenHash: string): Promise<AgentRow | null>
}

/** People, by name. */
export interface OperatorStore {
  /** False: the name is taken. */
  add(operator: OperatorRow): Promise<boolean>
  /** That was not revoked. */
  find(hash: string): Promise<OperatorRow | null>
  list(): Promise<readonly OperatorRow[]>
  /** False: there is none of this name. */
  revoke(name: string, at: number): Promise<boolean>
}
