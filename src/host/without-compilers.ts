import { setFlagsFromString } from 'node:v8'

/**
 * Has the runtime run what it loads as bytecode from now on, and keep its heap small: the agent waits nearly all of its
 * life, and the memory of a compiler would not come back (docs/service.md). On the command line the same options would
 * cost each start the code caches: the runtime refuses those that were made with other options.
 */
export function goOnWithoutCompilers(): void {
  for (const option of options) setFlagsFromString(option)
}

const options = [
  '--optimize-for-size',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  '--no-wasm-tier-up',
  '--no-wasm-dynamic-tiering',
] as const
