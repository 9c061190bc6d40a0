import { type Html, html } from '../page/html.ts'
import { htmlDocument } from '../page/html-document.ts'
import { count, when } from '../page/page-words.ts'
import { agentSection, attentionSection } from './page-agent.ts'
import { targetSection } from './page-target.ts'
import type { StatusDocument } from './status-document.ts'

const script = html`<script src="/page.js" defer></script>
`

/** The page for the person on call: whole without script, refreshed by `/page.js`. */
export function statusPage(status: StatusDocument): string {
  const now = Date.parse(status.at)
  const { kind, words } = verdict(status)
  const body = html`
<a class="skip" href="#targets">To the targets</a>
<header class="top" id="top">
<p class="soft">Waxseal ${status.version} on <strong>${status.hostname}</strong></p>
<h1 class="${kind}" role="status">${words}</h1>
<p class="soft" id="as-of">As of ${when(status.at, now)}<noscript>; reload the page to see more</noscript></p>
<p id="stale" class="bad" role="alert" hidden>The agent does not answer: what you see is old.</p>
</header>
<main>
${attentionSection(status)}
<section id="targets" aria-labelledby="targets-title" tabindex="-1"><h2 id="targets-title">Targets</h2>
${targets(status, now)}
</section>
${agentSection(status, now)}
</main>
<footer class="soft"><p>The same as <a href="/status">JSON</a> (<a href="/status.schema.json">schema</a>), as <a href="/metrics">metrics</a>. At a shell: <code>waxseal status</code>, <code>waxseal check</code>.</p></footer>`
  return htmlDocument({ title: `${words} – ${status.hostname}`, at: '', head: script, body })
}

function targets({ targets: all }: StatusDocument, now: number): Html {
  if (all.length === 0) return html`<p>Nothing was deployed on this host yet.</p>`
  return html`${all.map((target, index) => targetSection(target, index, now))}`
}

/** One sentence, the worst first. */
function verdict(status: StatusDocument): { readonly kind: 'good' | 'warn' | 'bad'; readonly words: string } {
  const of = (state: string): number => status.targets.filter((target) => target.state === state).length
  const bad = [
    [of('failed'), 'failed'],
    [of('drifting'), 'drifting'],
  ] as const
  const broken = bad.filter(([number]) => number > 0).map(([number, word]) => `${count(number, 'target')} ${word}`)
  if (broken.length > 0) return { kind: 'bad', words: broken.join(', ') }
  if (status.controlPlane.error !== null) return { kind: 'warn', words: 'The control plane cannot be reached' }
  if (!status.ready) return { kind: 'warn', words: 'Not ready' }
  if (of('late') > 0) return { kind: 'bad', words: `${count(of('late'), 'renewal')} late` }
  if (of('due') > 0) return { kind: 'warn', words: `${count(of('due'), 'renewal')} due` }
  const isQuiet = [status.warnings, status.setAside, status.deadLetters].every(({ length }) => length === 0)
  return isQuiet ? { kind: 'good', words: 'All is well' } : { kind: 'warn', words: 'Something wants a look' }
}
