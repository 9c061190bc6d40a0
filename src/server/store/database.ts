/** What a statement is given. */
export type Value = string | number | null

/** A row as a database gives it: columns by their names. */
export type RawRow = Readonly<Record<string, Value>>

/** Where the two databases differ. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres'
  /** Behind a SELECT whose rows an UPDATE takes: rows that another transaction has are left to it. */
  readonly skipLocked: string
  /** Behind a SELECT of rows that stay as they are until the end of the transaction. */
  readonly forUpdate: string
  /** Type of whole numbers of 64 bits. */
  readonly integer: string
  readonly real: string
  /** Type of a key that counts up by itself. */
  readonly serial: string
  /** Behind the columns of a table. */
  readonly tableOptions: string
}

/** One database: statements with `$1`, `$2` for their values. Fails with DATABASE_UNREACHABLE where another try may help. */
export interface Database {
  readonly dialect: Dialect
  query(sql: string, values?: readonly Value[]): Promise<readonly RawRow[]>
  /** All of `work` or nothing of it; inside, `db` alone is used. One inside another is part of it. */
  transaction<T>(work: (db: Database) => Promise<T>): Promise<T>
  /** Tells those who listen, on every server, this text: when what belongs to it is committed, or never. */
  notify(text: string): Promise<void>
  /** Calls with each text that is told from now on. Some may get lost while the database is away. Returns what ends it. */
  listen(heard: (text: string) => void): () => Promise<void>
  /** Milliseconds since 1970, UTC, by the clock of the database. */
  now(): Promise<number>
  close(): Promise<void>
}
