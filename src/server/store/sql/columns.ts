import type { Database, RawRow, Value } from '../database.ts'

/** Columns of JSON, in all tables. */
const lists: ReadonlySet<string> = new Set(['sans', 'features', 'issuers', 'reasons', 'seen'])
const objects: ReadonlySet<string> = new Set(['config', 'outcome', 'verification', 'details', 'chosen', 'proofs'])

/** A row of the database as one of ours: names in camel case, JSON read, truth values for `is_…`. */
function fromRow<Row extends object>(raw: RawRow): Row {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [camelCase(name), fromColumn(name, value)]),
  ) as Row
}

/** All of them. */
export function fromRows<Row extends object>(rows: readonly RawRow[]): readonly Row[] {
  return rows.map((row) => fromRow<Row>(row))
}

/** The first one, or null. */
export function firstOf<Row extends object>(rows: readonly RawRow[]): Row | null {
  return rows[0] === undefined ? null : fromRow<Row>(rows[0])
}

/** Adds a row; false: one with a key of its own is there already. */
export async function insert(db: Database, table: string, row: object): Promise<boolean> {
  const entries = Object.entries(row).map(([name, value]) => [snakeCase(name), toColumn(value)] as const)
  const columns = entries.map(([name]) => name)
  const added = await db.query(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((_, at) => `$${at + 1}`).join(', ')})
      ON CONFLICT DO NOTHING RETURNING 1 AS is_new`,
    entries.map(([, value]) => value),
  )
  return added.length === 1
}

/** Adds rows of the same fields, many with each statement; fails where one with a key of its own is there already. */
export async function insertAll(db: Database, table: string, rows: readonly object[]): Promise<void> {
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    const piece = rows.slice(at, at + rowsAtOnce).map((row) => Object.entries(row))
    const columns = (piece[0] ?? []).map(([name]) => snakeCase(name))
    const places = piece.map(
      (row, line) => `(${row.map((_, column) => `$${line * row.length + column + 1}`).join(', ')})`,
    )
    await db.query(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${places.join(', ')}`,
      piece.flatMap((row) => row.map(([, value]) => toColumn(value))),
    )
  }
}

/** Below what SQLite takes of values in one statement. */
const rowsAtOnce = 100

/** Changes these fields of the row with this id; one that is undefined, and all others, stay. */
export function change(db: Database, table: string, id: string, fields: object): Promise<void> {
  return changeWhere(db, table, { id }, fields)
}

/** The same of the row with these keys. */
export async function changeWhere(db: Database, table: string, keys: object, fields: object): Promise<void> {
  const [known, given] = [keys, fields].map((one) => Object.entries(one).filter(([, value]) => value !== undefined))
  if (known === undefined || given === undefined || given.length === 0) return
  const conditions = known.map(([name], at) => `${snakeCase(name)} = $${at + 1}`)
  const columns = given.map(([name], at) => `${snakeCase(name)} = $${known.length + at + 1}`)
  await db.query(
    `UPDATE ${table} SET ${columns.join(', ')} WHERE ${conditions.join(' AND ')}`,
    [...known, ...given].map(([, value]) => toColumn(value)),
  )
}

/** A value as its column has it. */
export function toColumn(value: unknown): Value {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return value as Value
}

function fromColumn(name: string, value: Value): unknown {
  if (name.startsWith('is_')) return value === 1
  if (value === null || !(lists.has(name) || objects.has(name))) return value
  const document: unknown = JSON.parse(String(value))
  const isList = Array.isArray(document) && document.every((item) => typeof item === 'string')
  if (lists.has(name) ? isList : typeof document === 'object' && document !== null) return document
  throw new Error(`the column ${name} of the database does not have its form`)
}

/** Each name is turned once: there are some dozens. */
const camelCased = new Map<string, string>()

function camelCase(name: string): string {
  const known = camelCased.get(name)
  if (known !== undefined) return known
  const turned = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  camelCased.set(name, turned)
  return turned
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
