const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A day of a time zone. */
export interface Day {
  /** Its midnight, as if the time zone were UTC. */
  readonly midnight: number
  /** Its noon, in milliseconds since 1970: no change of clocks is near. */
  readonly noon: number
  readonly timeZone: string
}

/** The day that it is there at this moment. */
export function dayAt(at: number, timeZone: string): Day {
  const local = at + offsetAt(at, timeZone)
  const midnight = Math.floor(local / dayMs) * dayMs
  const noon = midnight + dayMs / 2
  return { midnight, noon: noon - offsetAt(noon - offsetAt(noon, timeZone), timeZone), timeZone }
}

/**
 * The moments at which clocks show these times of a day, in order. A time that they skip is the moment of the change, or as long after
 * it; of one that they show twice the first counts.
 */
export function instantsOf(
  { midnight, timeZone }: Day,
  hours: readonly number[],
  minutes: readonly number[],
): readonly number[] {
  const before = offsetAt(midnight - dayMs, timeZone)
  const after = offsetAt(midnight + 2 * dayMs, timeZone)
  const instants = hours.flatMap((hour) =>
    minutes.map((minute) => {
      const local = midnight + hour * hourMs + minute * 60_000
      // The greater offset is the earlier moment.
      const fitting = [Math.max(before, after), Math.min(before, after)].find(
        (offset) => before === after || offsetAt(local - offset, timeZone) === offset,
      )
      return local - (fitting ?? before)
    }),
  )
  return [...new Set(instants)].toSorted((one, other) => one - other)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** How far clocks there are ahead of UTC at this moment, in milliseconds. */
function offsetAt(at: number, timeZone: string): number {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  formats.set(timeZone, format)
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
  const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
  return local - Math.floor(at / 1000) * 1000
}
