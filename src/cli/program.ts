import { Command, CommanderError } from 'commander'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { isCode } from '../host/files.ts'
import { version } from '../version.ts'
import { agentCommand } from './agent.ts'
import { checkCommand } from './check.ts'
import { controlPlaneCommand } from './control-plane.ts'
import { demoCommand } from './demo.ts'
import { deployCommand } from './deploy.ts'
import { enrollCommand } from './enroll.ts'
import { exitStatusOfError } from './exit-status.ts'
import { historyCommand } from './history.ts'
import { keysCommand } from './keys.ts'
import { printError } from './print.ts'
import { probeCommand } from './probe.ts'
import { recoverCommand } from './recover.ts'
import { rollbackCommand } from './rollback.ts'
import { statusCommand } from './status.ts'
import { verifyCommand } from './verify.ts'

/** Runs one command line and returns the exit status. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = waxsealProgram()
  for (const command of everyCommand(program)) {
    command.exitOverride().showHelpAfterError('(waxseal --help lists the commands; waxseal COMMAND --help its options)')
  }
  try {
    await program.parseAsync(argv)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const coded = codedOf(error)
    printError(coded)
    return exitStatusOfError(coded)
  }
}

/** The command line: what help, man pages and shell completion are made from. */
export function waxsealProgram(): Command {
  const program = new Command('waxseal')
    .description(
      'Deploys certificates on mail hosts, proves on the live socket that they are served, and undoes what fails.',
    )
    .version(version)
  const commands = [
    agentCommand(),
    statusCommand(),
    checkCommand(),
    deployCommand(),
    recoverCommand(),
    rollbackCommand(),
    historyCommand(),
    verifyCommand(),
    keysCommand(),
    probeCommand(),
    enrollCommand(),
    controlPlaneCommand(),
    demoCommand(),
  ]
  for (const command of commands) program.addCommand(command)
  return program
}

/** A file that this user may not touch is not an error in Waxseal itself. */
function codedOf(error: unknown): WaxsealError {
  if (!['EACCES', 'EPERM', 'EROFS'].some((code) => isCode(error, code))) return asWaxsealError(error)
  const hint = 'Run it as root, or as a user who may do this.'
  return new WaxsealError('CONFIG_INVALID', { reason: (error as Error).message, hint }, { cause: error })
}

/** A command and all commands below it. */
export function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}
