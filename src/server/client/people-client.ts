import type { SignedHead } from '../operation/audit-trail.ts'
import type { Role } from '../operation/operators.ts'
import type { Link } from '../store/audit-chain.ts'

/** One call of the operator's side; fails with CONTROL_PLANE_UNREACHABLE or _REFUSED. */
export type Call = <Answer>(method: 'GET' | 'POST', path: string, body?: object | null) => Promise<Answer>

/** What a bootstrap token is to be good for; left out: for a day, one agent, any name. */
export interface WantedToken {
  readonly expiresInS?: number | undefined
  readonly uses?: number | undefined
  /** `*` stands for any text. */
  readonly names?: string | undefined
}

/** An operator as the control plane lists it. */
export interface ListedOperator {
  readonly name: string
  readonly role: Role
  readonly created_at: string
  readonly revoked_at: string | null
}

/** Which rows of a list are asked for. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** A part of a list; `next`: what the part behind it is asked for with, as `after`. */
export interface Part<Row> {
  readonly rows: readonly Row[]
  readonly next: string | null
}

/** The operator's calls about who may come in, and what was done. Tokens and credentials are told once. */
export interface PeopleCalls {
  createToken(wanted?: WantedToken): Promise<string>
  /** Ends a bootstrap token, by the id that the list has. */
  revokeToken(id: string): Promise<void>
  /** A token with which a host that was installed anew takes the place of this agent. */
  readmit(agent: string, expiresInS?: number): Promise<string>
  /** Shuts an agent out; returns how many credentials it had. */
  revokeCredentials(agent: string): Promise<number>
  /** Returns the token of the new operator. */
  addOperator(name: string, role: Role): Promise<string>
  operators(): Promise<readonly ListedOperator[]>
  revokeOperator(name: string): Promise<void>
  /** The audit trail, oldest first. */
  audit(query?: Query): Promise<Part<Link>>
  auditHead(): Promise<SignedHead>
  /** A part of a list, with the filters of the list. */
  part(
    list: 'agents' | 'targets' | 'certificates' | 'discovered' | 'jobs' | 'tokens' | 'orders',
    query: Query,
  ): Promise<Part<Readonly<Record<string, unknown>>>>
}

/** These calls over the client's own. */
export function peopleCalls(call: Call): PeopleCalls {
  const rowsOf = async <Row>(path: string, list: string, query: Query): Promise<Part<Row>> => {
    const { next, ...answer } = await call<{ readonly next: string | null } & Readonly<Record<string, unknown>>>(
      'GET',
      `${path}${queryOf(query)}`,
    )
    return { rows: answer[list] as readonly Row[], next }
  }
  const tokenOf = async (path: string, body: object): Promise<string> =>
    (await call<{ readonly token: string }>('POST', path, body)).token
  const named = (kind: string, name: string, then: string): string => `/${kind}/${encodeURIComponent(name)}/${then}`
  return {
    createToken: ({ expiresInS, uses, names } = {}) => tokenOf('/tokens', { expires_in_s: expiresInS, uses, names }),
    revokeToken: async (id) => {
      await call('POST', named('tokens', id, 'revoke'))
    },
    readmit: (agent, expiresInS) => tokenOf(named('agents', agent, 'readmit'), { expires_in_s: expiresInS }),
    revokeCredentials: async (agent) =>
      (await call<{ readonly revoked: number }>('POST', named('agents', agent, 'revoke-credentials'))).revoked,
    addOperator: (name, role) => tokenOf('/operators', { name, role }),
    operators: async () =>
      (await call<{ readonly operators: readonly ListedOperator[] }>('GET', '/operators')).operators,
    revokeOperator: async (name) => {
      await call('POST', named('operators', name, 'revoke'))
    },
    audit: async (query = {}) => {
      type OnWire = Omit<Link, 'previousHash'> & { readonly previous_hash: string }
      const { rows, next } = await rowsOf<OnWire>('/audit', 'rows', query)
      return { next, rows: rows.map(({ previous_hash, ...row }) => ({ ...row, previousHash: previous_hash })) }
    },
    auditHead: () => call('GET', '/audit/head'),
    part: (list, query) => rowsOf(`/${list}`, list, query),
  }
}

/** Behind a path. */
export function queryOf(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => [name, String(one)]),
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}
