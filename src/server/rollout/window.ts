import { createTask, parse, validate } from 'node-cron'
import { nearest } from '../../error/nearest.ts'
import { type Day, dayAt, instantsOf } from './local-time.ts'

/** When jobs of a roll-out are handed out: from each start on, for so long. */
export interface Window {
  /** Five fields, as crontab(5) has them; `node-cron` reads them. */
  readonly cron: string
  /** Milliseconds. */
  readonly forMs: number
  /** As IANA names it. */
  readonly timeZone: string
}

/** One window, in milliseconds since 1970: `until` is out of it. */
export interface Span {
  readonly from: number
  readonly until: number
}

const dayMs = 86_400_000
/** A start that does not come in this time does not come. */
const mostDays = 400

/** The window that is open at this moment, else the next one. Those that overlap are one. Null: there is none in the next 400 days. */
export function windowAt(window: Window, at: number): Span | null {
  let found: Span | null = null
  for (const start of startsOf(window, at - window.forMs - dayMs)) {
    const until = start + window.forMs
    if (found !== null && start <= found.until) found = { from: found.from, until: Math.max(found.until, until) }
    else if (found !== null && found.until > at) return found
    else found = { from: start, until }
    // As long as nobody needs to know more of what never closes.
    if (found.until > at + dayMs && found.from <= at) return found
  }
  return found !== null && found.until > at ? found : null
}

/** Why this is no window, and what to write in its place; null: it is one. */
export function whyNoWindow(window: Window, at: number): string | null {
  if (!isTimeZone(window.timeZone)) {
    const meant = nearest(window.timeZone, Intl.supportedValuesOf('timeZone'))
    return `there is no time zone ${window.timeZone}${meant === null ? ': write it as Europe/Berlin' : `; is ${meant} meant?`}`
  }
  if (!isCron(window.cron)) return 'the start of a window is a cron expression of five fields, such as "0 2 * * *"'
  if (windowAt(window, at) === null) return 'this window does not open within a year'
  return null
}

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function isCron(cron: string): boolean {
  try {
    return cron.trim().split(/\s+/).length === 5 && validate(cron)
  } catch {
    return false
  }
}

/** All starts from a day on, one after the other. Which days are meant `node-cron` says; which moment a time of a day is, we do. */
function* startsOf({ cron, timeZone }: Window, since: number): Generator<number> {
  const fields = cron.trim().split(/\s+/)
  const { hour, minute } = parse(cron)
  const days = createTask(`* * ${fields.slice(2).join(' ')}`, () => {}, { timezone: timeZone })
  try {
    let day: Day = dayAt(since, timeZone)
    for (let count = 0; count <= mostDays; count += 1) {
      if (days.match(new Date(day.noon))) yield* instantsOf(day, hour, minute)
      day = dayAt(day.noon + dayMs, timeZone)
    }
  } finally {
    void days.destroy()
  }
}
