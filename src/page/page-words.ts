import { type Html, html } from './html.ts'

/** A time as `2026-11-24 12:34:56 UTC`, with how long ago it is. */
export function when(time: string | null, now: number): Html {
  if (time === null) return html`never`
  return html`<time datetime="${time}">${time.slice(0, 19).replace('T', ' ')} UTC</time> <span class="soft">(${ago(now - Date.parse(time))})</span>`
}

/** `3 min ago`; a time to come is `now`: clocks differ. */
function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return 'now'
  if (minutes < 120) return `${minutes} min ago`
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1440)} days ago`
}

/** The start of a digest; all of it for who points at it. */
export function digest(sha256: string | null): Html {
  if (sha256 === null) return html`<span class="soft">none</span>`
  return html`<code title="${sha256}">${sha256.slice(0, 16)}…</code>`
}

/** A word with its sign, so that the colour is never all that tells. */
export function badge(kind: 'good' | 'warn' | 'bad', word: string): Html {
  const signs = { good: '✓', warn: '!', bad: '✗' } as const
  return html`<span class="badge ${kind}"><span aria-hidden="true">${signs[kind]}</span> ${word}</span>`
}

/** Milliseconds for a person. */
export function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** A list, its digests shortened; nothing where it would be empty. */
export function list(items: readonly string[], className: string): Html {
  return items.length === 0
    ? html``
    : html`<ul class="${className}">${items.map((item) => html`<li>${item.replaceAll(/\b([0-9a-f]{16})[0-9a-f]{48}\b/g, '$1…')}</li>`)}</ul>`
}

/** `1 job`, `2 jobs`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
