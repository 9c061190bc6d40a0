import { type Html, html } from '../page/html.ts'
import { badge, count, list, when } from '../page/page-words.ts'
import type { StatusDocument } from './status-document.ts'
import { waitingWords } from './waiting-words.ts'

/** The agent itself: control plane, queue, outbox. */
export function agentSection(status: StatusDocument, now: number): Html {
  const { controlPlane, currentJobs, inbox, waiting, outbox, phase, retired, ready, notReady } = status
  return html`
<section id="agent" aria-labelledby="agent-title"><h2 id="agent-title">Agent</h2>
<dl class="card">
<div><dt>Phase</dt><dd>${phase}${retired ? ', retired by the control plane' : ''} ${ready ? badge('good', 'ready') : badge('warn', 'not ready')}${list(notReady, 'problems')}</dd></div>
<div><dt>Control plane</dt><dd>${controlPlane.url === null ? html`No control plane is configured: <code>waxseal enroll</code>` : html`<code>${controlPlane.url}</code>`} ${controlPlane.error === null ? html`` : html`${badge('bad', 'failing')} ${controlPlane.error}`}</dd></div>
<div><dt>Last good poll</dt><dd>${when(controlPlane.lastPoll, now)}</dd></div>
<div><dt>Last good heartbeat</dt><dd>${when(controlPlane.lastHeartbeat, now)}</dd></div>
<div><dt>Running now</dt><dd>${currentJobs.length === 0 ? 'nothing' : currentJobs.join(', ')}</dd></div>
<div><dt>Queue</dt><dd>${inbox === null ? 'not readable' : count(inbox, 'job')}${list(waiting.map(waitingWords), 'plain')}</dd></div>
<div><dt>Outbox</dt><dd>${outbox === null ? 'not readable' : `${count(outbox, 'result')} to send`}</dd></div>
</dl></section>`
}

/** What wants a person beside the targets; nothing when nothing does. */
export function attentionSection({ warnings, recovered, setAside, deadLetters }: StatusDocument): Html {
  const parts = [
    part('Warnings', warnings),
    part(
      'Recovered at the last start',
      recovered.map(({ name, did, code }) => `${name}: ${did}${code === null ? '' : ` (${code})`}`),
    ),
    part('Set aside, not to be trusted', setAside),
    part(
      'Dead letters: results that the control plane refused',
      deadLetters.map(({ job, refusal }) => `${job}: ${refusal}`),
    ),
  ].filter(({ markup }) => markup !== '')
  if (parts.length === 0) return html`<section id="attention" hidden></section>`
  return html`<section id="attention" aria-labelledby="attention-title"><h2 id="attention-title">Look at this</h2><div class="card warn">${parts}</div></section>`
}

function part(title: string, items: readonly string[]): Html {
  return items.length === 0 ? html`` : html`<h3>${title}</h3>${list(items, 'plain')}`
}
