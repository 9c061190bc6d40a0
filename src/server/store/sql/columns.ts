import type { Database, RawRow, Value } from '../database.ts'

/** Columns of JSON, in all tables. */
const lists: ReadonlySet<string> = new Set(['sans', 'features', 'issuers', 'reasons'])
const objects: ReadonlySet<string> = new Set(['config', 'outcome', 'verification', 'details'])

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

/** Changes these fields of the row with this id; one that is undefined, and all others, stay. */
export async function change(db: Database, table: string, id: string, fields: object): Promise<void> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  const columns = given.map(([name], at) => `${snakeCase(name)} = $${at + 2}`)
  const values = given.map(([, value]) => toColumn(value))
  if (given.length > 0) await db.query(`UPDATE ${table} SET ${columns.join(', ')} WHERE id = $1`, [id, ...values])
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
