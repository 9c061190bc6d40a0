import { Command, CommanderError } from 'commander'
import { asWaxsealError } from '../error/waxseal-error.ts'
import { version } from '../version.ts'
import { agentCommand } from './agent.ts'
import { controlPlaneCommand } from './control-plane.ts'
import { demoCommand } from './demo.ts'
import { deployCommand } from './deploy.ts'
import { enrollCommand } from './enroll.ts'
import { exitStatusOfError } from './exit-status.ts'
import { printError } from './print.ts'
import { probeCommand } from './probe.ts'

/** Runs one command line and returns the exit status. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = new Command('waxseal')
    .description(
      'Deploys certificates on mail hosts, proves on the live socket that they are served, and undoes what fails.',
    )
    .version(version)
    .showHelpAfterError('(waxseal --help lists the commands; waxseal COMMAND --help its options)')
  const commands = [
    agentCommand(),
    deployCommand(),
    probeCommand(),
    enrollCommand(),
    controlPlaneCommand(),
    demoCommand(),
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of everyCommand(program)) command.exitOverride()
  try {
    await program.parseAsync(argv)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const coded = asWaxsealError(error)
    printError(coded)
    return exitStatusOfError(coded)
  }
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}
