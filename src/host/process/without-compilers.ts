import { setFlagsFromString } from 'node:v8'

/**
 * Has the runtime compile no more, and keep its heap small: the agent waits nearly all of its life, and the memory of a
 * compiler would not come back (docs/service.md). Each of these options is asked when something would be compiled or the
 * heap would grow, so they may be set late; on the command line they would cost each start the code caches, which the
 * runtime takes with equal options only. What is loaded from here on is compiled from its text.
 */
export function goOnWithoutCompilers(): void {
  for (const option of on) setFlagsFromString(`--${option}`)
  for (const option of off) setFlagsFromString(`--no-${option}`)
}

/** Puts the options back as the runtime has them at its start. */
export function goOnWithCompilers(): void {
  for (const option of on) setFlagsFromString(`--no-${option}`)
  for (const option of off) setFlagsFromString(`--${option}`)
}

const on = ['optimize-for-size'] as const
const off = ['opt', 'maglev', 'sparkplug', 'wasm-tier-up', 'wasm-dynamic-tiering'] as const
