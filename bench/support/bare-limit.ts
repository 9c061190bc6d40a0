import type { Daemon } from '../../src/demo/mail-host/daemon.ts'
import { runCommand } from '../../src/host/command.ts'
import type { Command } from '../../src/plan/plan.ts'
import { probeOnce } from '../../src/verify/probe-once.ts'

const timeoutMs = 60_000

/**
 * What no agent can be faster than that has the daemon check its configuration, reloads it, and proves every listener: its check
 * once, its reload once, then one handshake on each listener, all at the same time. In milliseconds.
 */
export async function bareLimit({ check, reload, ports }: Daemon): Promise<number> {
  const started = performance.now()
  for (const command of [check, reload]) await succeed(command)
  const looks = ports.map(({ port, protocol }) =>
    probeOnce({ host: '127.0.0.1', port, protocol, servername: 'mail.example.net', keyType: null, timeoutMs }),
  )
  const failed = (await Promise.all(looks)).find(({ error }) => error !== null)
  if (failed !== undefined) throw new Error(`a listener does not answer: ${failed.error}`)
  return performance.now() - started
}

async function succeed(command: Command): Promise<void> {
  const { exitCode, output } = await runCommand(command, { timeoutMs })
  if (exitCode !== 0) throw new Error(`${command.join(' ')} fails: ${output}`)
}
