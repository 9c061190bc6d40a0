import { WaxsealError } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import { runCommand } from '../../host/process/command.ts'
import type { Command, ProbeProtocol } from '../../plan/plan.ts'
import { probeOnce } from '../../verify/probe-once.ts'

/** One port of a daemon. */
export interface DaemonPort {
  /** `submission` */
  readonly name: string
  readonly port: number
  readonly protocol: ProbeProtocol
}

/** A private instance of a mail daemon on this machine. */
export interface Daemon {
  readonly name: 'postfix' | 'dovecot' | 'exim' | 'opensmtpd' | 'cyrus' | 'stand-in'
  readonly certPath: string
  readonly keyPath: string
  readonly ports: readonly DaemonPort[]
  readonly check: Command
  readonly reload: Command
  stop(): Promise<void>
}

const timeoutMs = 60_000

/** Runs a command of the mail host; INTERNAL with its output when it fails. */
export async function runOrThrow(command: Command): Promise<void> {
  const { exitCode, output } = await runCommand(command, { timeoutMs })
  if (exitCode !== 0) throw new WaxsealError('INTERNAL', { command: command.join(' '), exitCode, output })
}

/** Resolves when every port of a daemon answers with TLS; a daemon whose ports do not is stopped. */
export async function waitForPortsOf({ ports, stop }: Pick<Daemon, 'ports' | 'stop'>): Promise<void> {
  await waitForPorts(ports).catch(async (error: unknown) => {
    await stop()
    throw error
  })
}

/** Resolves when every port answers with TLS. */
export async function waitForPorts(ports: readonly DaemonPort[]): Promise<void> {
  const deadline = systemClock.now() + timeoutMs
  for (const { port, protocol, name } of ports) {
    const probe = { host: '127.0.0.1', port, protocol, servername: null, keyType: null, timeoutMs: 5000 }
    for (let look = await probeOnce(probe); look.error !== null; look = await probeOnce(probe)) {
      if (systemClock.now() > deadline) throw new WaxsealError('INTERNAL', { port: name, reason: look.error })
      await systemClock.sleep(50)
    }
  }
}
