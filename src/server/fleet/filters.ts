import { type Html, html } from '../../page/html.ts'
import { linkTo, type SectionPath } from './sections.ts'

/** A field of a filter: a text, or one of some values. */
export interface FilterField {
  readonly name: string
  readonly label: string
  readonly value: string | undefined
  /** Values with their words; left out: a text. */
  readonly options?: readonly (readonly [value: string, word: string])[]
  /** It says which page this is, and nobody fills it. */
  readonly isHidden?: true
}

/** A form that reads the same page with other rows. */
export function filterForm(path: SectionPath, fields: readonly FilterField[]): Html {
  return html`<form class="filters" method="get" action="${path}" role="search">
${fields.map(fieldOf)}
<div><button type="submit">Show</button></div>
</form>`
}

function fieldOf({ name, label, value = '', options, isHidden }: FilterField): Html {
  if (isHidden) return html`<input type="hidden" name="${name}" value="${value}">`
  const id = `filter-${name}`
  const input =
    options === undefined
      ? html`<input id="${id}" name="${name}" value="${value}" maxlength="100" autocomplete="off" spellcheck="false">`
      : html`<select id="${id}" name="${name}">${options.map(([given, word]) => html`<option value="${given}"${given === value ? html` selected` : html``}>${word}</option>`)}</select>`
  return html`<div><label for="${id}">${label}</label>${input}</div>`
}

/** Links to the first part and to the next one; nothing where all is shown. */
export function pageLinks(
  path: SectionPath,
  query: Readonly<Record<string, string | undefined>>,
  next: string | null,
): Html {
  const { after, ...rest } = query
  if (after === undefined && next === null) return html``
  return html`<nav class="pages" aria-label="Parts of the list">
${after === undefined ? html`` : html`<a href="${linkTo(path, rest)}">From the start</a>`}
${next === null ? html`<span class="soft">The end of the list</span>` : html`<a rel="next" href="${linkTo(path, { ...rest, after: next })}">Next rows</a>`}
</nav>`
}
