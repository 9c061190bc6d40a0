import { type DestinationStream, type Logger, pino } from 'pino'
import { safeFields } from './safe-fields.ts'

/** Where the lines go, and in which form. */
export interface LogOptions {
  readonly level: Logger['level']
  /** `journal`: JSON behind the priority of the line, `terminal`: for a person, `other`: JSON. */
  readonly form: 'journal' | 'terminal' | 'other'
  /** Whether a terminal shows colours. */
  readonly colours: boolean
  /** Takes whole lines, at once. */
  readonly write: (text: string) => void
}

/** A log whose lines carry only the fields of `safe-fields.ts`. */
export async function openLog({ level, form, colours, write }: LogOptions): Promise<Logger> {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: safeFields },
  }
  if (form === 'terminal') return pino(options, await forPerson(colours, write))
  return pino(options, form === 'journal' ? withPriority(write) : { write })
}

/** `<N>` at the start of a line is its priority (sd-daemon(3)); the journal takes it off. */
function withPriority(write: (text: string) => void): DestinationStream {
  const stream = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write: (text: string): void => write(`<${priorityOf(stream.lastLevel)}>${text}`),
  }
  return stream
}

/** syslog(3): 2 critical, 3 error, 4 warning, 6 informational, 7 debug. */
function priorityOf(level: number): number {
  if (level >= 60) return 2
  if (level >= 50) return 3
  if (level >= 40) return 4
  return level >= 30 ? 6 : 7
}

async function forPerson(colours: boolean, write: (text: string) => void): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({ colorize: colours, singleLine: true, translateTime: 'SYS:HH:MM:ss' })
  return { write: (text) => write(pretty(text) ?? '') }
}
