import { dirname } from 'node:path'
import { Command } from 'commander'
import type { ControlPlaneConfig } from '../../config/config.ts'
import { readCredential } from '../../config/credential.ts'
import { viewFolder } from '../../documents/shown-host.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { giveTo, makeFolder } from '../../host/file/plain-files.ts'
import { type Half, startHalf } from '../../host/process/half.ts'
import { resolveUser } from '../../host/users.ts'
import { configOf, environment, withConfig } from '../context.ts'
import { courierUser, socketsOf } from '../half/sockets.ts'

interface AgentOptions {
  readonly config?: string
}

/** `waxseal agent`: both halves, where no service manager runs them. */
export function agentCommand(): Command {
  return withConfig(new Command('agent'))
    .description('Poll the control plane, deploy what it has, and report; until SIGTERM.')
    .addHelpText(
      'after',
      '\nRuns both halves, which systemd runs as units of their own: waxseal courier, as the user waxseal where this is root and there is one, and waxseal deployer.\nWithout a control plane it watches the host, and goes on by itself once waxseal enroll has configured one.\nSIGTERM stops polling and waits for the running deployment. A retired agent ends with status 0.',
    )
    .action(supervise)
}

/** The longest path that a Unix socket can have; unix(7). */
const longestPath = 107

/** Between the end of a deployer and its next start, in milliseconds. */
const restartMs = 1000

async function supervise(options: AgentOptions): Promise<void> {
  const halves = passSignals()
  const config = options.config === undefined ? [] : ['--config', options.config]
  // The deployer says what is wrong with the configuration, and puts in order what a crash left all the same.
  const { stateDir, controlPlane } = await configOf(options).catch(async () => process.exit(await runHalf(config)))
  const sockets = socketsOf(stateDir)
  requireShort(sockets.status, stateDir)
  const account = process.getuid?.() === 0 ? await resolveUser(courierUser) : null
  const deployer = await keepDeployer([...config, '--stay', '--socket', sockets.deployer])
  halves.add(deployer)
  await makeFolder(dirname(sockets.status), account ?? undefined)
  if (account !== null) await giveTo(sockets.deployer, { uid: 0, gid: account.gid })
  const courier = await startHalf(
    programFile(),
    ['courier', ...config, '--deployer', sockets.deployer, '--status-socket', sockets.status],
    { ...environment(), ...(account === null ? {} : await credentialFor(controlPlane)) },
    account,
  )
  halves.add(courier)
  const status = await courier.ended
  deployer.end()
  await deployer.ended
  process.exit(status)
}

async function runHalf(config: readonly string[]): Promise<number> {
  return (await startHalf(programFile(), ['deployer', ...config], environment(), null)).ended
}

function programFile(): string {
  return process.argv[1] ?? ''
}

type Signalled = Pick<Half, 'signal'>

/** Passes signals on to the halves: to one that starts later, too, for nothing that is asked for is lost. */
function passSignals(): { add(half: Signalled): void } {
  const halves: Signalled[] = []
  let isEnding = false
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.on(name, () => {
      // A later one changes nothing (law 7).
      if (isEnding) return
      isEnding = true
      for (const half of halves) half.signal('SIGTERM')
    })
  process.on('SIGHUP', () => {
    for (const half of halves) half.signal('SIGHUP')
  })
  return {
    add: (half) => {
      halves.push(half)
      if (isEnding) half.signal('SIGTERM')
    },
  }
}

function requireShort(path: string, stateDir: string): void {
  if (path.length <= longestPath) return
  const reason = `a socket in ${viewFolder(stateDir)} would have a path of over ${longestPath} characters`
  throw new WaxsealError('CONFIG_INVALID', { path: 'state_dir', reason, hint: 'Choose a shorter one.' })
}

interface KeptDeployer extends Signalled {
  readonly ended: Promise<void>
  /** The courier has heard all: it is to end. */
  end(): void
}

/** A deployer that is started again when it ends before it was told to. One that cannot even start ends this process with its status. */
async function keepDeployer(args: readonly string[]): Promise<KeptDeployer> {
  const start = (): Promise<Half> => startHalf(programFile(), ['deployer', ...args], environment(), null)
  let isEnding = false
  let half = await start()
  if (!half.isReady) process.exit(await half.ended)
  const keep = async (): Promise<void> => {
    for (;;) {
      await half.ended
      if (isEnding) return
      await new Promise((resolve) => setTimeout(resolve, restartMs))
      half = await start()
    }
  }
  return {
    ended: keep(),
    signal: (name) => {
      isEnding = isEnding || name === 'SIGTERM'
      half.signal(name)
    },
    end: () => {
      isEnding = true
      half.release()
    },
  }
}

/** The courier's account cannot read the file of root's. */
async function credentialFor(controlPlane: ControlPlaneConfig | null): Promise<Readonly<Record<string, string>>> {
  if (controlPlane === null) return {}
  const credential = await readCredential(controlPlane, environment()).catch(() => null)
  return credential === null ? {} : { WAXSEAL_API_KEY: credential }
}
