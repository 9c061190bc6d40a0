import { type Html, html } from '../../page/html.ts'
import { table } from '../../page/table.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import { type FilterField, filterForm, pageLinks } from './filters.ts'
import { fleetPage } from './fleet-page.ts'
import type { SectionPath } from './sections.ts'

/** The query of a page, as it was checked. */
export type Query = Readonly<Record<string, string | undefined>>

/** What lists have in common. */
export interface ListPage<Row> {
  readonly path: SectionPath
  readonly title: string
  /** Of the rows, in words. */
  readonly order: string
  readonly command: string
  readonly viewer: Caller
  readonly query: Query
  /** What stands above the list. */
  readonly lead?: Html
  readonly fields: readonly FilterField[]
  readonly listed: Listed<Row>
  readonly heads: readonly string[]
  readonly cells: (row: Row, now: number) => readonly Html[]
  /** What is said where there is no row. */
  readonly none: string
}

/** A list: filters, rows, and links to its other parts. */
export function listPage<Row>(page: ListPage<Row>): string {
  const { path, title, order, command, viewer, query, lead, fields, listed, heads, cells, none } = page
  const { at, rows, next } = listed
  return fleetPage({
    title,
    path,
    query,
    viewer,
    at,
    command,
    body: html`
${lead ?? html``}
${fields.length === 0 ? html`` : filterForm(path, fields)}
${
  rows.length === 0
    ? html`<p>${none}</p>`
    : table(
        title,
        query['after'] === undefined ? order : `${order}: further rows`,
        heads,
        rows.map((row) => cells(row, at)),
      )
}
${pageLinks(path, query, next)}`,
  })
}
