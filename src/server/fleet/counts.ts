import { type Html, html } from '../../page/html.ts'
import { badge } from '../../page/page-words.ts'
import { figure } from './words.ts'

/** One line of counts. */
export interface Count {
  readonly word: string
  readonly count: number
  /** How it is where there are any; null: neither good nor bad. */
  readonly kind: 'good' | 'warn' | 'bad' | null
  readonly link: string
  /** What is to be known of it. */
  readonly hint?: string
}

/** Counts, each with a link to what was counted, and a bar that says how much of all it is. */
export function counts(lines: readonly Count[]): Html {
  const all = lines.reduce((sum, { count }) => sum + count, 0)
  return html`<ul class="counts">${lines.map((line) => countLine(line, all))}</ul>`
}

function countLine({ word, count, kind, link, hint }: Count, all: number): Html {
  const shown = kind === null || count === 0 ? html`${word}` : badge(kind, word)
  const share = all === 0 ? 0 : (count / all) * 100
  return html`<li><a href="${link}">${shown}</a> <span class="number">${figure(count)}</span>
${hint === undefined ? html`` : html`<span class="soft">${hint}</span>`}
<svg class="bar ${count === 0 ? '' : (kind ?? '')}" aria-hidden="true" focusable="false"><rect width="${share.toFixed(2)}%" height="100%"/></svg></li>`
}
