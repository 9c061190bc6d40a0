import { reloadCaddy } from '../socket/caddy-admin.ts'
import { loadIntoHaproxy, reloadHaproxy } from '../socket/haproxy-cli.ts'

/** Returns what it would print. Throws what went wrong. */
export type BuiltInCommand = (args: readonly string[], signal: AbortSignal) => Promise<string>

/** Activations that are no program but a conversation on a socket: carried out in this process, under these names. */
const builtInCommands: Readonly<Record<string, BuiltInCommand>> = {
  'waxseal:haproxy-reload': reloadHaproxy,
  'waxseal:haproxy-load': loadIntoHaproxy,
  'waxseal:caddy-reload': reloadCaddy,
}

/** The command of this name; null: it is a program. */
export function findBuiltIn(program: string): BuiltInCommand | null {
  if (!program.startsWith('waxseal:')) return null
  return builtInCommands[program] ?? (() => Promise.reject(new Error('there is no such command in Waxseal')))
}
