import { type Html, html } from '../../page/html.ts'
import { when } from '../../page/page-words.ts'

/** `10,000`. */
export function figure(number: number): string {
  return number.toLocaleString('en-US')
}

/** `1 host`, `10,000 hosts`. */
export function counted(number: number, noun: string, nouns = `${noun}s`): string {
  return `${figure(number)} ${number === 1 ? noun : nouns}`
}

/** A time of the store. */
export function whenAt(time: number | null, now: number): Html {
  return when(time === null ? null : new Date(time).toISOString(), now)
}

/** A time to come, or one that is far: `2026-11-27 05:00 UTC`. */
export function dateAt(time: number): Html {
  const text = new Date(time).toISOString()
  return html`<time datetime="${text}">${text.slice(0, 16).replace('T', ' ')} UTC</time>`
}

/** A time as an agent wrote it; as it is where it is none. */
export function whenTold(text: string, now: number): Html {
  const time = Date.parse(text)
  return Number.isNaN(time) ? html`${text}` : whenAt(time, now)
}
