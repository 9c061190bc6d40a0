import { plainText } from '../text/plain-text.ts'

/** Every field that a line may carry beside its message. A new one is added here, by someone who knows what it holds. */
const fields: ReadonlySet<string> = new Set(
  `job target name step ms outcome host proven code sha256 report final service
   details reason reasons notAllowed hint daysLeft failures wait did retired signal overdue
   version stateDir restart request call status found gone variables agent agents ca afterMs jobs address
   names channel connections look domain refused problems to`.split(/\s+/),
)

const longest = 2048

/** Each line about an error says which command explains it. */
function explained({ code }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? { help: `waxseal explain ${code}` } : {}
}

/** Only known fields leave, in bounded length, and nothing that looks like a key or a credential: secrets have no way into a log (law 4). */
export function safeFields(line: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = Object.entries(line).filter(([name, value]) => fields.has(name) && value !== undefined)
  const dropped = Object.keys(line).filter((name) => !fields.has(name))
  return {
    ...Object.fromEntries(known.map(([name, value]) => [name, safeValue(value, name === 'details')])),
    ...explained(line),
    ...(dropped.length === 0 ? {} : { dropped }),
  }
}

/** Details of an error are flat (error/waxseal-error.ts); anything else that is nested does not leave. */
function safeValue(value: unknown, isDetails: boolean): unknown {
  if (typeof value === 'string') return safeText(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => safeValue(item, false))
  if (!isDetails || typeof value !== 'object') return '[not shown]'
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [safeText(name), safeValue(inner, false)]))
}

function safeText(text: string): string {
  const kept = text
    .replaceAll(/-----BEGIN [^-]*KEY-----[^]*?(-----END [^-]*-----|$)/g, '[key]')
    .replaceAll(/\bBearer\s+\S+/gi, 'Bearer [credential]')
  return plainText(kept, longest)
}
