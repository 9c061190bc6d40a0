import { type Html, html } from './html.ts'

/** A table whose cells carry their heading, so that a narrow screen can show each row as a block. `label`: what it is of, for those who hear it. */
export function table(
  label: string,
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly Html[])[],
): Html {
  return html`
<table aria-label="${label}"><caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell, column) => html`<td data-head="${heads[column] ?? ''}"><span>${cell}</span></td>`)}</tr>`)}</tbody>
</table>`
}
