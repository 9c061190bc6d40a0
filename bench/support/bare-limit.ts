import type { Daemon } from '../../src/demo/mail-host/daemon.ts'
import { runCommand } from '../../src/host/process/command.ts'
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
  await Promise.all(ports.map(lookAt))
  return performance.now() - started
}

const mostLooks = 5

/** A process that ends by the reload may still take a connection, and close it: the next one is asked. */
async function lookAt({ port, protocol }: Daemon['ports'][number]): Promise<void> {
  const probe = { host: '127.0.0.1', port, protocol, servername: 'mail.example.net', keyType: null, timeoutMs }
  let { error } = await probeOnce(probe)
  for (let looks = 1; error !== null && looks < mostLooks; looks += 1) ({ error } = await probeOnce(probe))
  if (error !== null) throw new Error(`a listener does not answer: ${error}`)
}

async function succeed(command: Command): Promise<void> {
  const { exitCode, output } = await runCommand(command, { timeoutMs })
  if (exitCode !== 0) throw new Error(`${command.join(' ')} fails: ${output}`)
}
