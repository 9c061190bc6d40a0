/** An issuer as the server lists it. Times: RFC 3339, UTC; null: never. */
export interface IssuerOnList {
  readonly name: string
  readonly kind: 'local' | 'acme' | 'module'
  /** In the order for certificates that name none; null: it is not asked for these. */
  readonly place: number | null
  readonly account: string | null
  readonly worked_at: string | null
  readonly failed_at: string | null
  readonly error: string | null
  readonly limits: readonly {
    readonly limit: 'same_names' | 'registered_domain' | 'orders'
    readonly used: number
    readonly most: number
    readonly per_s: number
    readonly names: string | null
  }[]
}
