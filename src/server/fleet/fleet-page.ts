import { type Html, html } from '../../page/html.ts'
import { htmlDocument } from '../../page/html-document.ts'
import { when } from '../../page/page-words.ts'
import type { Caller } from '../operation/operators.ts'
import { menuLink, type SectionPath, sections } from './sections.ts'

/** What a page of the fleet is made of. */
export interface FleetPage {
  readonly title: string
  /** Colour of the heading. */
  readonly kind?: 'good' | 'warn' | 'bad'
  readonly path: SectionPath
  /** What was asked for; left out: nothing. */
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly viewer: Caller
  /** When it was read, milliseconds since 1970. */
  readonly at: number
  readonly body: Html
  /** The command that says the same. */
  readonly command: string
}

/** A whole page: menu, heading, what was read, and how to see it at a shell. Without any script. */
export function fleetPage({ title, kind, path, query = {}, viewer, at, body, command }: FleetPage): string {
  return htmlDocument({
    title: `${title} – fleet`,
    at: '/fleet',
    body: html`
<a class="skip" href="#main">To the page</a>
<header class="bar-top">
<strong>Waxseal</strong>
<nav aria-label="Fleet"><ul>${sections.map((one) => html`<li><a href="${menuLink(one.path, path, query)}"${one.path === path ? html` aria-current="page"` : html``}>${one.name}</a></li>`)}</ul></nav>
<form class="viewer" method="post" action="/fleet/sign-out"><span class="soft">${viewer.name} (${viewer.role})</span> <button type="submit">Sign out</button></form>
</header>
<main id="main" tabindex="-1">
<h1${kind === undefined ? html`` : html` class="${kind}"`}>${title}</h1>
<p class="soft">As of ${when(new Date(at).toISOString(), at)}; reload the page to see more. Nothing is changed here.</p>
${body}
</main>
<footer class="soft"><p>At a shell: <code>${command}</code></p></footer>`,
  })
}

/** What is said in place of a page: an error, or that there is no such page. */
export function messagePage(title: string, message: string, requestId: string): string {
  return htmlDocument({
    title,
    at: '/fleet',
    body: html`
<main class="card sign-in">
<h1>${title}</h1>
<p>${message}</p>
<p class="soft">Request <code>${requestId}</code>, by which the log of the control plane has it. <a href="/fleet">To the fleet</a></p>
</main>`,
  })
}
