import { WaxsealError } from '../error/waxseal-error.ts'
import { isCode } from '../host/file/files.ts'

/** SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_AUTH: how SQLite says that a lock file is not for this user. */
const sqliteRefusals = [8, 14, 23]

/** What a person starts where a half is started for him. */
const startedBy: Readonly<Record<string, string>> = { courier: 'agent', deployer: 'agent' }

/** The error as NEEDS_ROOT where another user than root met what is not for him; null: it is something else. `argv` is the command line. */
export function needsRoot(error: unknown, argv: readonly string[]): WaxsealError | null {
  if (process.getuid?.() === 0 || !isRefusal(error)) return null
  const [first = '', second = ''] = argv.slice(2)
  const command = first === 'control-plane' ? `${first} ${second}` : (startedBy[first] ?? first)
  const isWhole = argv.slice(2).join(' ') === command
  const run = `sudo waxseal ${command}${isWhole ? '' : ' …'}`
  const path = pathIn(error)
  return new WaxsealError('NEEDS_ROOT', { ...(path === null ? {} : { path }), run }, { cause: error })
}

/** Told by the system's code, on the error or on what caused it; or, by a module that keeps the text alone, in the text. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (isCode(error, 'EACCES') || isCode(error, 'EPERM')) return true
  if (isCode(error, 'ERR_SQLITE_ERROR'))
    return sqliteRefusals.includes((error as { readonly errcode?: number }).errcode ?? 0)
  const reason = error instanceof WaxsealError ? error.details['reason'] : null
  return (typeof reason === 'string' && /^(EACCES|EPERM): /.test(reason)) || isRefusal(error.cause)
}

function pathIn(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const { path } = error as { readonly path?: unknown }
  if (typeof path === 'string') return path
  if (error instanceof WaxsealError) {
    const quoted = /'(\/[^']*)'$/.exec(String(error.details['reason'] ?? ''))?.[1]
    const file = quoted ?? error.details['file']
    if (typeof file === 'string') return file
  }
  return pathIn(error.cause)
}
