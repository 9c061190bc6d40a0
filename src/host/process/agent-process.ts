import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'

/** A Waxseal agent in a process of its own. */
export interface ChildProcess {
  /** Sends SIGTERM and waits for the exit. */
  stop(): Promise<void>
}

/** Starts `agent` of this program file with this configuration, on the runtime that runs this process; its log goes to a file. */
export function spawnAgent(program: string, configFile: string, logFile: string): ChildProcess {
  const started = open(logFile, 'a').then(async (log) => {
    const child = spawn(process.execPath, [program, 'agent', '--config', configFile], {
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
      env: {},
    })
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    await log.close()
    return { child, ended }
  })
  return {
    stop: async () => {
      const { child, ended } = await started
      child.kill('SIGTERM')
      await ended
    },
  }
}
