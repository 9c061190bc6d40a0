import { WaxsealError } from '../error/waxseal-error.ts'
import { runCommand } from '../host/process/command.ts'
import type { Command } from '../plan/plan.ts'
import type { Channel } from './channel.ts'

const timeoutMs = 30_000

/** Runs a command, without a shell, with the message as one line of JSON at its standard input. */
export function commandChannel(command: Command): Channel {
  return {
    name: 'command',
    send: async (notice) => {
      const input = `${JSON.stringify(notice)}\n`
      const { exitCode, signal, timedOut, output } = await runCommand(command, { timeoutMs, input })
      if (exitCode === 0) return
      const how = timedOut
        ? `it took longer than ${timeoutMs / 1000} s`
        : `it ended with ${exitCode ?? signal ?? 'no exit status'}`
      throw new WaxsealError('NOTICE_FAILED', {
        channel: 'command',
        reason: exitCode === null && !timedOut && output !== '' ? output : how,
        hint: `run ${command[0]} by hand, as the user of this service`,
      })
    },
  }
}
