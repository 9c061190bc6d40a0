import asyncHooks, { type AsyncHook } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

/**
 * For `--import`, in each file of tests. The runner asks the runtime to tell it of each promise that is made and that is gone, to know in which
 * test an error was thrown that nobody awaits: a seventh of the processor's time, most of it for collecting garbage. Without that such an error
 * still ends its file, and makes it red.
 */
const untold: AsyncHook = { enable: () => untold, disable: () => untold }
asyncHooks.createHook = () => untold
syncBuiltinESMExports()
