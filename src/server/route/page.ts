import type { Page } from '../store/page.ts'

/** As it stands behind the `?` of a list. */
export interface PageQuery {
  readonly after?: string
  readonly limit?: string
}

const most = 1000

/** Which part of a list is asked for; at most a thousand rows. */
export function pageOf({ after, limit }: PageQuery): Page {
  return { after, limit: limit === undefined ? most : Number(limit) }
}

/** What the next part begins after; null: there is no more. */
export function nextOf<Row>(rows: readonly Row[], page: Page, keyOf: (row: Row) => string): string | null {
  const last = rows.at(-1)
  return last === undefined || rows.length < page.limit ? null : keyOf(last)
}
